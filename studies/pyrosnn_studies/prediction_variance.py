"""Spread of single predictions, and length and spread of their gradients.

Table 1 of the paper. Samples are streamed; only a few are in memory at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import xarray as xr
from annotated_types import Ge

from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation import gradient_moments
from pyrosnn.plots import variation_figure
from pyrosnn.results import combine
from pyrosnn.summaries import variation_table
from pyrosnn.training import TrainingSpec
from pyrosnn_studies.cells import Cell, Plan, image_blocks, images_of
from pyrosnn_studies.presets import study_settings
from pyrosnn_studies.runner import Material
from pyrosnn_studies.settings import ImageSettings, SeedSettings
from pyrosnn_studies.study import Study
from pyrosnn_studies.tables import Table, or_dash

NAME = "prediction-variance"
GROUP = "variation"


@dataclass(frozen=True, kw_only=True)
class VarianceSpec(ImageSettings, SeedSettings):
    """Settings of the study.

    The settings of images and seed, and this:

    Attributes:
        num_samples: number of single samples.
    """

    panel: ClassVar[str] = "sets"

    num_samples: Annotated[int, Ge(2)]
    block_size: Annotated[int, Ge(1)] = 250


def variance_spec(preset: str, dataset: Dataset, **changes: Any) -> VarianceSpec:
    """Return the study's settings; None leaves a field as the preset has it."""
    return VarianceSpec(**study_settings(NAME, preset, dataset, changes))


def _cells(spec: VarianceSpec) -> list[Cell]:
    blocks = image_blocks(spec.images, spec.block_size, spec.first_image)
    return [Cell(part=GROUP, block=block) for block in blocks]


def _run_cell(spec: VarianceSpec, cell: Cell, material: Material) -> xr.Dataset:
    x, y = material.dataset.test_images(spec.first_image + spec.images)
    part = images_of(cell.block, len(x), spec.block_size)
    return gradient_moments(
        material.classifier,
        x[part],
        y[part],
        num_samples=spec.num_samples,
        seed=spec.seed,
        block=cell.block,
        first_example=part.start,
        memory_budget=material.memory_budget,
    )


def _join(spec: VarianceSpec, parts: Mapping[Cell, xr.Dataset]) -> dict[str, xr.Dataset]:
    return {GROUP: combine(list(parts.values()), "example")}


PLAN = Plan(cells=_cells, run_cell=_run_cell, join=_join)


def _tables(result: xr.DataTree) -> list[Table]:
    table = variation_table(result)
    return [
        Table(
            title="Means over images; of f_y and its gradient (table 1), and of the margin's",
            header=["", *map(str, table.columns)],
            rows=[
                [str(name), *[or_dash(value, ".4f") for value in row]]
                for name, row in zip(table.index, table.to_numpy(), strict=True)
            ],
        )
    ]


def _make_spec(
    preset: str, dataset: Dataset, training: TrainingSpec, /, **changes: Any
) -> VarianceSpec:
    return variance_spec(preset, dataset, **changes)


STUDY = Study(name=NAME, plan=PLAN, make_spec=_make_spec, tables=_tables, figure=variation_figure)
