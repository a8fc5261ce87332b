"""Spread of single predictions, and length and spread of their gradients.

Table 1 of the paper. Samples are streamed, so that memory holds only a few
at a time.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import xarray as xr
from annotated_types import Ge

from pyrosnn.evaluation import gradient_moments
from pyrosnn.plots import variation_figure
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.images import ImageSettings
from pyrosnn_studies.settings import SeedSettings
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject
from pyrosnn_studies.variation_tables import variation_tables

GROUP = "variation"


@dataclass(frozen=True, kw_only=True)
class VarianceSpec(ImageSettings, SeedSettings):
    """Settings of the study.

    The settings of images and seed, and this:

    Attributes:
        num_samples: number of samples.
    """

    panel: ClassVar[str] = "sets"

    num_samples: Annotated[int, Ge(2)]
    block_size: Annotated[int, Ge(1)] = 250


def _cells(spec: VarianceSpec) -> list[Cell]:
    return [Cell(part=GROUP, block=block) for block in spec.blocks]


def _run_cell(spec: VarianceSpec, cell: Cell, subject: Subject) -> xr.Dataset:
    images = spec.block(cell.block, subject.dataset)
    values = gradient_moments(
        subject.classifier,
        images.x,
        images.y,
        num_samples=spec.num_samples,
        seed=spec.seed,
        block=cell.block,
        first_example=images.first,
        memory_budget=subject.memory_budget,
    )
    return images.labelled(values)


STUDY = Study(
    name="prediction-variance",
    spec=VarianceSpec,
    cells=_cells,
    run_cell=_run_cell,
    tables=variation_tables,
    figure=variation_figure,
)
