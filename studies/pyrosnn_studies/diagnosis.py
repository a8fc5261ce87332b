"""`diagnosis`: how many samples an attack needs, predicted from single samples and measured."""

from dataclasses import asdict, dataclass
from typing import Any

import xarray as xr

from pyrosnn.attacks import FGM
from pyrosnn.errors import require
from pyrosnn.evaluation import attack_moments
from pyrosnn.plots import diagnosis_figure
from pyrosnn_studies.cells import Cell, images_of
from pyrosnn_studies.diagnosis_tables import diagnosis_tables
from pyrosnn_studies.grid import GridSpec, grid_cells, run_grid_cell
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject

MOMENTS = "moments"


@dataclass(frozen=True, kw_only=True)
class DiagnosisSpec:
    """Settings of the study.

    Attributes:
        images: how many test images.
        num_samples: single samples that the moments are estimated from.
        share: ρ, the share of the reachable cosine that the advice is for.
        strength: strength η of the attacks that are measured.
        attack_samples: sizes S_A of the attacks that are measured.
        inference_samples: S_I of the set that judges them.
        loss, gradient, labels: settings of the attack.
        repeats: repetitions of the measurement with fresh A and I.
        seed: root seed; moments and attacks have samples of their own.
        block_size: images that share a draw of the samples.
        first_image, first_repeat: where a part of a larger study begins, see
            :class:`~pyrosnn_studies.grid.GridSpec`.
    """

    images: int
    num_samples: int
    strength: float
    attack_samples: tuple[int, ...]
    inference_samples: int
    share: float = 0.95
    loss: str = "cross-entropy"
    gradient: str = "mean_prediction"
    labels: str = "true"
    repeats: int = 5
    seed: int = 0
    block_size: int = 50
    first_image: int = 0
    first_repeat: int = 0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ArgumentError: ``share must be between 0 and 1, got 1.5``.
        """
        require(0 < self.share < 1, f"share must be between 0 and 1, got {self.share}")
        require(self.num_samples >= 40, f"num_samples must be >= 40, got {self.num_samples}")
        object.__setattr__(self, "attack_samples", tuple(sorted(self.attack_samples)))
        self.grid()

    def grid(self) -> GridSpec:
        """Return the evaluations that are measured."""
        return GridSpec(
            images=self.images,
            strengths=(0.0, self.strength),
            attack_samples=self.attack_samples,
            inference_samples=(self.inference_samples,),
            loss=self.loss,
            gradient=self.gradient,
            labels=self.labels,
            repeats=self.repeats,
            seed=self.seed,
            block_size=self.block_size,
            first_image=self.first_image,
            first_repeat=self.first_repeat,
        )


def _cells(spec: DiagnosisSpec) -> list[Cell]:
    """Return the grid's cells, and one for the moments of each block."""
    blocks = spec.grid().blocks
    return [*grid_cells(spec.grid()), *[Cell(part=MOMENTS, block=block) for block in blocks]]


def _run_cell(spec: DiagnosisSpec, cell: Cell, subject: Subject) -> xr.Dataset:
    if cell.part == MOMENTS:
        return _moments(spec, cell, subject)
    return run_grid_cell(spec.grid(), cell, subject)


def _moments(spec: DiagnosisSpec, cell: Cell, subject: Subject) -> xr.Dataset:
    x, y = subject.dataset.test_images(spec.first_image + spec.images)
    part = images_of(cell.block, len(x), spec.block_size)
    return attack_moments(
        subject.classifier,
        x[part],
        y[part],
        attack=FGM(
            strength=spec.strength, loss=spec.loss, gradient=spec.gradient, labels=spec.labels
        ),
        num_samples=spec.num_samples,
        inference_samples=spec.inference_samples,
        seed=spec.seed,
        block=cell.block,
        first_example=part.start,
        memory_budget=subject.memory_budget,
    )


def _settings(spec: DiagnosisSpec) -> dict[str, Any]:
    return {**asdict(spec.grid()), **asdict(spec)}


STUDY = Study(
    name="diagnosis",
    spec=DiagnosisSpec,
    cells=_cells,
    run_cell=_run_cell,
    tables=diagnosis_tables,
    figure=diagnosis_figure,
    settings=_settings,
)
