"""`prediction-variance`: how single predictions and their gradients vary (table 1)."""

from dataclasses import dataclass

import xarray as xr

from pyrosnn.errors import require
from pyrosnn.evaluation import gradient_moments
from pyrosnn.plots import variation_figure
from pyrosnn.summaries import variation_table
from pyrosnn_studies.cells import Cell, image_blocks, images_of, require_first_image
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject
from pyrosnn_studies.tables import Table, or_dash

GROUP = "variation"


@dataclass(frozen=True, kw_only=True)
class VarianceSpec:
    """Settings of the study.

    Attributes:
        images: how many test images.
        num_samples: single samples.
        seed: root seed.
        block_size: images that share a draw of the samples.
        first_image: index of the first image, a multiple of ``block_size``.
    """

    images: int
    num_samples: int
    seed: int = 0
    block_size: int = 250
    first_image: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        require(self.images >= 1, f"images must be >= 1, got {self.images}")
        require(self.num_samples >= 2, f"num_samples must be >= 2, got {self.num_samples}")
        require(self.block_size >= 1, f"block_size must be >= 1, got {self.block_size}")
        require_first_image(self.first_image, self.block_size)


def _cells(spec: VarianceSpec) -> list[Cell]:
    blocks = image_blocks(spec.images, spec.block_size, spec.first_image)
    return [Cell(part=GROUP, block=block) for block in blocks]


def _run_cell(spec: VarianceSpec, cell: Cell, subject: Subject) -> xr.Dataset:
    x, y = subject.dataset.test_images(spec.first_image + spec.images)
    part = images_of(cell.block, len(x), spec.block_size)
    return gradient_moments(
        subject.classifier,
        x[part],
        y[part],
        num_samples=spec.num_samples,
        seed=spec.seed,
        block=cell.block,
        first_example=part.start,
        memory_budget=subject.memory_budget,
    )


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


STUDY = Study(
    name="prediction-variance",
    spec=VarianceSpec,
    cells=_cells,
    run_cell=_run_cell,
    tables=_tables,
    figure=variation_figure,
)
