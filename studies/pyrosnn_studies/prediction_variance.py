"""`prediction-variance`: how single predictions and their gradients vary (table 1)."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import xarray as xr

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import require
from pyrosnn.evaluation import gradient_moments
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.plots import variation_figure
from pyrosnn.results import combine, make_result
from pyrosnn.results.provenance import make_provenance
from pyrosnn.sampling import MEMORY_BUDGET
from pyrosnn.summaries import variation_table
from pyrosnn.training import Checkpoint, TrainingSpec
from pyrosnn_studies.presets import study_settings
from pyrosnn_studies.study import Progress, Study
from pyrosnn_studies.tables import Table

NAME = "prediction-variance"


@dataclass(frozen=True, kw_only=True)
class VarianceSpec:
    """Settings of the study.

    Attributes:
        images: the first so many test images.
        num_samples: single samples.
        seed: root seed.
        block_size: images that share a draw of the samples.
    """

    images: int
    num_samples: int
    seed: int = 0
    block_size: int = 250

    def __post_init__(self) -> None:
        """Check the values."""
        require(self.images >= 1, f"images must be >= 1, got {self.images}")
        require(self.num_samples >= 2, f"num_samples must be >= 2, got {self.num_samples}")
        require(self.block_size >= 1, f"block_size must be >= 1, got {self.block_size}")

    @property
    def num_steps(self) -> int:
        """Blocks of images: the steps of the progress."""
        return -(-self.images // self.block_size)


def variance_spec(preset: str, dataset: Dataset, **changes: Any) -> VarianceSpec:
    """Return the study's settings; None leaves a field as the preset has it."""
    return VarianceSpec(**study_settings(NAME, preset, dataset, changes))


def run_variance(
    spec: VarianceSpec,
    classifier: StochasticClassifier,
    dataset: Dataset,
    *,
    training: TrainingSpec | None = None,
    progress: Progress | None = None,
    memory_budget: int = MEMORY_BUDGET,
) -> xr.DataTree:
    """Run the study.

    Args:
        spec: its settings.
        classifier: the classifier.
        dataset: its test split is used.
        training: the settings of its training, which the result records.
        progress: called with a short text after each block of images.
        memory_budget: bytes that the evaluation of a block may take.
    """
    start = time.monotonic()
    x, y = dataset.test_images(spec.images)
    blocks = []
    for block, first in enumerate(range(0, spec.images, spec.block_size)):
        part = slice(first, first + spec.block_size)
        blocks.append(
            gradient_moments(
                classifier,
                x[part],
                y[part],
                num_samples=spec.num_samples,
                seed=spec.seed,
                block=block,
                first_example=first,
                memory_budget=memory_budget,
            )
        )
        if progress is not None:
            progress("")
    provenance = make_provenance(
        classifier,
        dataset,
        training=training,
        seed=spec.seed,
        wall_time_s=time.monotonic() - start,
    )
    values = combine(blocks, "example")
    return make_result(
        values, study=NAME, spec=asdict(spec), provenance=provenance, group="variation"
    )


def _tables(result: xr.DataTree) -> list[Table]:
    table = variation_table(result)
    return [
        Table(
            title="Means over images; of f_y and its gradient (table 1), and of the margin's",
            header=["", *map(str, table.columns)],
            rows=[
                [str(name), *[f"{value:.4f}" for value in row]]
                for name, row in zip(table.index, table.to_numpy(), strict=True)
            ],
        )
    ]


def _make_spec(
    preset: str, dataset: Dataset, training: TrainingSpec, /, **changes: Any
) -> VarianceSpec:
    return variance_spec(preset, dataset, **changes)


def _run(
    spec: VarianceSpec,
    checkpoint: Checkpoint,
    dataset: Dataset,
    progress: Progress | None,
    memory_budget: int,
) -> xr.DataTree:
    return run_variance(
        spec,
        checkpoint.classifier,
        dataset,
        training=checkpoint.spec,
        progress=progress,
        memory_budget=memory_budget,
    )


STUDY = Study(name=NAME, make_spec=_make_spec, run=_run, tables=_tables, figure=variation_figure)
