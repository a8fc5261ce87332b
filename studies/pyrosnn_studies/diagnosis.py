"""Number of samples that an attack needs, predicted and measured.

The prediction is that of a step along the gradient, from gradients of single
samples. A few sizes are measured with the attack itself, and counted in
samples seen. Of an attack in steps the same number of samples is also divided
into other steps. `pyrosnn diagnose` also runs the checks that need the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar

import xarray as xr
from annotated_types import Ge, Gt, Lt, MinLen

from pyrosnn.attacks import FGM, Attack
from pyrosnn.checks.trial import FEW_SAMPLES, Trial
from pyrosnn.evaluation import attack_moments, has_growth
from pyrosnn.plots import diagnosis_figure
from pyrosnn.results import GROUP, read_spec
from pyrosnn.settings import Default, Settings
from pyrosnn.summaries import advise
from pyrosnn_studies.attack_settings import NamedAttack, SharedSettings
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.diagnosis_steps import DIVISIONS, FIRST_STEP
from pyrosnn_studies.diagnosis_tables import diagnosis_tables
from pyrosnn_studies.divisions import STEPS, divides, divisions, run_division
from pyrosnn_studies.grid import GridSpec, grid_cells, recorded_grid, run_grid_cell
from pyrosnn_studies.images import Block, ImageSettings
from pyrosnn_studies.presets import start_from
from pyrosnn_studies.settings import RepeatSettings, SeedSettings, recorded
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject

MOMENTS = "moments"  # the group of an attack in one step
# Single samples of the pilot, and numbers to choose from: so many times its advice.
PILOT, NUMBERS, PILOT_TIMES = 200, (2000, 5000), 10
ANY = (0.0, 1.0)  # bounds of pixels, where none are asked for


@dataclass(frozen=True, kw_only=True)
class MeasuredStrength(Settings):
    """How strong the attack is.

    Attributes:
        strength: strength η.
    """

    panel: ClassVar[str] = "attack"

    strength: Annotated[float, Ge(0), Default("the data set's")]


@dataclass(frozen=True, kw_only=True)
class MeasuredAttack(SharedSettings, MeasuredStrength, NamedAttack):
    """The attack that is diagnosed, at one strength."""


@dataclass(frozen=True, kw_only=True)
class DiagnosisSpec(MeasuredAttack, ImageSettings, RepeatSettings, SeedSettings):
    """Settings of the study.

    The settings of the attack, of images, repetitions and seed, and these:

    Attributes:
        num_samples: number of samples that the prediction is made from.
        share: share of the reachable cosine to aim for, ρ.
        attack_samples: sizes of the attack set, S_A, to measure, such as 1,10.
        inference_samples: size of the inference set, S_I.
    """

    panel: ClassVar[str] = "sets"

    num_samples: Annotated[int | None, Ge(40), Default("2,000 or 5,000, by a pilot of 200")] = None
    share: Annotated[float, Gt(0), Lt(1)] = 0.95
    attack_samples: Annotated[tuple[int, ...], MinLen(1), Ge(1)]
    inference_samples: Annotated[int, Ge(1)]

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ArgumentError: ``share must be in (0, 1), got 1.5``; for an option that the attack
                does not have.
        """
        super().__post_init__()
        grid = self.grid()
        for name in ("attack_samples", "attack_options", "loss"):  # sorted, and complete
            object.__setattr__(self, name, getattr(grid, name))

    def grid(self) -> GridSpec:
        """Return the evaluations that are measured."""
        names = {one.name for one in fields(GridSpec)} & {one.name for one in fields(self)}
        shared = {name: getattr(self, name) for name in names - {"inference_samples"}}
        return GridSpec(
            **shared,
            strengths=(0.0, self.strength) if self.strength > 0 else (0.0,),
            inference_samples=(self.inference_samples,),
        )

    def made(self, bounds: tuple[float, float]) -> Attack:
        """Return the attack.

        Args:
            bounds: smallest and largest pixel of the data.
        """
        clip = bounds if self.clip else None
        return self.grid().make_attack(strength=self.strength, clip=clip)

    def first_step(self, bounds: tuple[float, float]) -> Attack | None:
        """Return the attack's first step along the gradient; None if it makes no such step.

        Args:
            bounds: smallest and largest pixel of the data.
        """
        attack = self.made(bounds)
        step = FGM(**attack.shared) if attack.iterated and attack.follows_gradient else attack
        return step if has_growth(step) and not attack.minimises_norm else None


def attack_of(settings: Mapping[str, Any], bounds: tuple[float, float]) -> Attack:
    """Return the attack of a result.

    Args:
        settings: what ``read_spec`` returned.
        bounds: smallest and largest pixel of the data.
    """
    return DiagnosisSpec(**start_from(DiagnosisSpec, settings, {})).made(bounds)


def trial_of(result: xr.DataTree, subject: Subject) -> Trial:
    """Return what the checks of the model are given: the images and the attack of a diagnosis.

    Args:
        result: the diagnosis.
        subject: its model and data.
    """
    spec, classifier = read_spec(result), subject.classifier
    x, y = subject.dataset.images_at(result[GROUP].dataset["example"].values.tolist())
    attack, samples = attack_of(spec, subject.dataset.bounds), max(spec["attack_samples"])
    return Trial(
        classifier=classifier,
        x=x.to(classifier.device),
        y=y.to(classifier.device),
        attack=attack,
        attack_samples=min(samples, FEW_SAMPLES) if attack.iterated else samples,
        inference_samples=spec["inference_samples"],
        seed=spec["seed"],
    )


def _settle(spec: DiagnosisSpec, subject: Subject) -> DiagnosisSpec:
    """Return the settings with the number of single samples that a pilot asks for."""
    if spec.num_samples is not None:
        return spec
    if spec.first_step(subject.dataset.bounds) is None:
        return replace(spec, num_samples=PILOT)  # of no use, but a number
    moments = _moments_of(spec, _first_images(spec, subject), 0, subject, PILOT)
    advice = advise(moments, share=spec.share, inference_samples=spec.inference_samples)
    wanted = PILOT_TIMES * advice.samples
    return replace(spec, num_samples=next((n for n in NUMBERS if n >= wanted), NUMBERS[-1]))


def _pilot(spec: DiagnosisSpec, subject: Subject) -> str:
    """Return what the pilot chooses; empty if there is none."""
    runs = spec.num_samples is None and spec.first_step(subject.dataset.bounds) is not None
    return "number of single samples" if runs else ""


def _first_images(spec: DiagnosisSpec, subject: Subject) -> Block:
    """Return the first images of the whole study, so that its parts agree on a number."""
    indices = list(spec.indices or range(spec.first_image + spec.images))[: spec.block_size]
    x, y = subject.dataset.images_at(indices)
    return Block(x=x, y=y, indices=indices)


def _cells(spec: DiagnosisSpec) -> list[Cell]:
    """Return the grid's cells, and those of the prediction and of other divisions."""
    grid, blocks = spec.grid(), spec.grid().blocks
    cells = grid_cells(grid)
    iterated = grid.make_attack().iterated
    if spec.first_step(ANY) is not None:
        group = FIRST_STEP if iterated else MOMENTS
        cells += [Cell(part=MOMENTS, block=block, group=group) for block in blocks]
    if divides(grid):
        repeats = grid.counted_repeats
        cells += [Cell(part=DIVISIONS, repeat=r, block=block) for r in repeats for block in blocks]
    return cells


def _run_cell(spec: DiagnosisSpec, cell: Cell, subject: Subject) -> xr.Dataset:
    if cell.part == MOMENTS:
        images = spec.block(cell.block, subject.dataset)
        number = spec.num_samples or PILOT  # settled before
        return _moments_of(spec, images, cell.block, subject, number)
    if cell.part == DIVISIONS:
        return run_division(spec.grid(), cell, subject)
    return run_grid_cell(spec.grid(), cell, subject)


def _moments_of(
    spec: DiagnosisSpec, images: Block, block: int, subject: Subject, number: int
) -> xr.Dataset:
    """Return the moments of images, from a number of single samples."""
    step = spec.first_step(subject.dataset.bounds)
    assert step is not None  # else there is no such cell
    values = attack_moments(
        subject.classifier,
        images.x,
        images.y,
        attack=step,
        num_samples=number,
        inference_samples=spec.inference_samples,
        seed=spec.seed,
        block=block,
        first_example=images.first,
        memory_budget=subject.memory_budget,
    )
    return images.labelled(values)


def _cost(spec: DiagnosisSpec, cell: Cell) -> float:
    """Return about how many samples a cell evaluates of an image; a gradient is worth three."""
    if cell.part == MOMENTS:
        return 3.0 * (spec.num_samples or PILOT)
    grid = spec.grid()
    steps = int(grid.attack_options.get(STEPS, 1))
    if cell.part == DIVISIONS:
        seen = sum(size * number for size, number in divisions(grid).items())
    else:
        seen = steps * sum(grid.attack_samples)
    return 3.0 * seen + spec.inference_samples * (1 + len(grid.attack_samples))


def _settings(spec: DiagnosisSpec) -> dict[str, Any]:
    return {**recorded_grid(spec.grid()), **recorded(spec)}


STUDY = Study(
    name="diagnosis",
    spec=DiagnosisSpec,
    cells=_cells,
    run_cell=_run_cell,
    tables=diagnosis_tables,
    figure=diagnosis_figure,
    settle=_settle,
    pilot=_pilot,
    settings=_settings,
    cost=_cost,
)
