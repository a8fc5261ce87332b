"""Stored samples verified one by one, beside an attack that knows them.

Interval bounds or linear relaxation (CROWN) of each sampled network prove
that no δ within a strength changes the mean prediction. The model needs
layers that can be bounded; its noise may be anywhere in them.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import xarray as xr
from annotated_types import Ge, Gt, Le, MinLen

from pyrosnn.attacks import PGD
from pyrosnn.plots import verification_figure
from pyrosnn.propagation import BALLS, METHODS
from pyrosnn.sampling import draw_sample_set
from pyrosnn.settings import Default, Named, OneOf, Settings
from pyrosnn.summaries.verification import GROUP
from pyrosnn.verification import reader, verify
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.images import ImageSettings
from pyrosnn_studies.presets import default_loss
from pyrosnn_studies.settings import SeedSettings
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject
from pyrosnn_studies.verification_tables import verification_tables


@dataclass(frozen=True, kw_only=True)
class BallSettings(Settings):
    """The δ that are considered, and the attack among them.

    Attributes:
        norm: norm in which the strength bounds δ.
        strengths: strengths η, one or several, such as 0,1/255 or 0:0.05:0.01
            (start:stop:step).
        clip: only δ with x + δ within the data's bounds.
        attacked: also attack the samples, with PGD: the mean prediction, and each on its own.
        steps: steps of the attack.
    """

    panel: ClassVar[str] = "attack"

    norm: Annotated[str, OneOf(BALLS)] = "linf"
    strengths: Annotated[
        tuple[float, ...], MinLen(1), Ge(0), Default("the data set's"), Named("strength")
    ]
    clip: bool = False
    attacked: bool = True
    steps: Annotated[int, Ge(1)] = 20


@dataclass(frozen=True, kw_only=True)
class VerificationSpec(BallSettings, ImageSettings, SeedSettings):
    """Settings of the study.

    The settings of the ball, images and seed, and these:

    Attributes:
        method: how networks are bounded; crown is the closest and slowest.
        inference_samples: number of samples that are verified, S_I.
        alpha: probability that a bound for an image's expectation or random network fails, at most.
    """

    panel: ClassVar[str] = "sets"

    block_size: Annotated[int, Ge(1)] = 100
    method: Annotated[str, OneOf(METHODS)] = "crown"
    inference_samples: Annotated[int, Ge(1)] = 100
    alpha: Annotated[float, Gt(0), Le(0.5)] = 0.001


def _settle(spec: VerificationSpec, subject: Subject) -> VerificationSpec:
    """Refuse a model that cannot be bounded, before any work."""
    reader(subject.classifier)
    return spec


def _cells(spec: VerificationSpec) -> list[Cell]:
    return [Cell(part=GROUP, block=block) for block in spec.blocks]


def _run_cell(spec: VerificationSpec, cell: Cell, subject: Subject) -> xr.Dataset:
    images, classifier = spec.block(cell.block, subject.dataset), subject.classifier
    samples = draw_sample_set(
        classifier,
        images.x,
        spec.inference_samples,
        seed=spec.seed,
        stream="inference",
        block=cell.block,
        memory_budget=subject.memory_budget,
    )
    clip = subject.dataset.bounds if spec.clip else None
    attack = PGD(
        norm=spec.norm,
        clip=clip,
        steps=spec.steps,
        relative_step=min(1.0, 2.5 / spec.steps),
        fixed_samples=True,
        loss=default_loss(classifier.output),
    )
    values = verify(
        classifier,
        images.x,
        images.y,
        samples=samples,
        strengths=spec.strengths,
        norm=spec.norm,
        method=spec.method,
        clip=clip,
        alpha=spec.alpha,
        attack=attack if spec.attacked else None,
        first_example=images.first,
    )
    return images.labelled(values.drop_attrs(deep=False))


STUDY = Study(
    name="verification",
    spec=VerificationSpec,
    cells=_cells,
    run_cell=_run_cell,
    tables=verification_tables,
    figure=verification_figure,
    settle=_settle,
)
