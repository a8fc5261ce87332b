"""Number of samples that an attack needs, predicted and measured.

The prediction uses the moments of the gradients of single samples (FGM,
l2). A few sizes are measured, too. `pyrosnn diagnose` also runs the checks
that need the model.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import xarray as xr
from annotated_types import Ge, Gt, Lt, MinLen

from pyrosnn.attacks import FGM, GRADIENTS, LABELS, LOSSES
from pyrosnn.evaluation import attack_moments
from pyrosnn.plots import diagnosis_figure
from pyrosnn.settings import Default, OneOf, Settings
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.diagnosis_tables import diagnosis_tables
from pyrosnn_studies.grid import GridSpec, grid_cells, run_grid_cell
from pyrosnn_studies.images import ImageSettings
from pyrosnn_studies.settings import RepeatSettings, SeedSettings, recorded
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject

MOMENTS = "moments"


@dataclass(frozen=True, kw_only=True)
class MeasuredAttack(Settings):
    """The attack that is measured: FGM, l2.

    Attributes:
        strength: strength η.
        loss: loss that the attack maximises.
        gradient: quantity that the attack averages over its samples.
        labels: labels whose loss the attack maximises (``predicted`` by the attack set).
    """

    panel: ClassVar[str] = "attack"

    strength: Annotated[float, Ge(0), Default("the data set's")]
    loss: Annotated[str, OneOf(LOSSES), Default("cross-entropy, of logits the margin")] = (
        "cross-entropy"
    )
    gradient: Annotated[str, OneOf(GRADIENTS)] = "mean_prediction"
    labels: Annotated[str, OneOf(LABELS)] = "true"


@dataclass(frozen=True, kw_only=True)
class DiagnosisSpec(MeasuredAttack, ImageSettings, RepeatSettings, SeedSettings):
    """Settings of the study.

    The settings of the attack, of images, repetitions and seed, and these:

    Attributes:
        num_samples: number of samples that the moments are estimated from.
        share: share of the reachable cosine to aim for, ρ.
        attack_samples: sizes of the attack set, S_A, to measure, such as 1,10.
        inference_samples: size of the inference set, S_I.
    """

    panel: ClassVar[str] = "sets"

    num_samples: Annotated[int, Ge(40)]
    share: Annotated[float, Gt(0), Lt(1)] = 0.95
    attack_samples: Annotated[tuple[int, ...], MinLen(1), Ge(1)]
    inference_samples: Annotated[int, Ge(1)]

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ArgumentError: ``share must be in (0, 1), got 1.5``.
        """
        super().__post_init__()
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
            indices=self.indices,
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
    images = spec.block(cell.block, subject.dataset)
    values = attack_moments(
        subject.classifier,
        images.x,
        images.y,
        attack=FGM(
            strength=spec.strength, loss=spec.loss, gradient=spec.gradient, labels=spec.labels
        ),
        num_samples=spec.num_samples,
        inference_samples=spec.inference_samples,
        seed=spec.seed,
        block=cell.block,
        first_example=images.first,
        memory_budget=subject.memory_budget,
    )
    return images.labelled(values)


def _settings(spec: DiagnosisSpec) -> dict[str, Any]:
    return {**recorded(spec.grid()), **recorded(spec)}


STUDY = Study(
    name="diagnosis",
    spec=DiagnosisSpec,
    cells=_cells,
    run_cell=_run_cell,
    tables=diagnosis_tables,
    figure=diagnosis_figure,
    settings=_settings,
)
