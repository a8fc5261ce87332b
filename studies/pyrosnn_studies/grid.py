"""A grid of evaluations: what `sample-size`, `inference-size` and `conditions` have in common."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import xarray as xr
from annotated_types import Ge, MinLen

from pyrosnn.attacks import ATTACKS, Attack
from pyrosnn.attacks.own_attack import source_digest
from pyrosnn.conditions import CONSTANTS, smoothness_constant
from pyrosnn.errors import require
from pyrosnn.evaluation import accuracy, evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.outputs import find_output
from pyrosnn.results import GROUP, make_dataset
from pyrosnn.sampling import disjoint_sample_sets
from pyrosnn.settings import RARE, Default
from pyrosnn_studies.attack_settings import (
    SHARED,
    AttackSettings,
    attack_row,
    complete_options,
)
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.images import ImageSettings
from pyrosnn_studies.settings import RepeatSettings, SeedSettings, recorded
from pyrosnn_studies.subject import Subject


@dataclass(frozen=True, kw_only=True)
class GridSpec(AttackSettings, ImageSettings, RepeatSettings, SeedSettings):
    """Settings of a grid of evaluations.

    The settings of :class:`AttackSettings`, of images, repetitions and seed, and these:

    Attributes:
        attack_samples: sizes of the attack set, S_A, such as 1,10. Smaller sets are the first
            samples of the largest one.
        inference_samples: sizes of the inference set, S_I, such as 1,10. They are nested, too.
        smoothing_variance: variance of the Gaussian noise that the model is averaged over, in
            squared pixel units.
        noise_samples: number of noise draws in that average, for each sample and image.
        test_accuracy: also measure the clean accuracy on all test images.
    """

    panel: ClassVar[str] = "sets"

    attack_samples: Annotated[tuple[int, ...], MinLen(1), Ge(1)]
    inference_samples: Annotated[tuple[int, ...], MinLen(1), Ge(1)]
    smoothing_variance: Annotated[
        float, Ge(0), Default("0; for conditions, that of the model's training")
    ] = 0.0
    noise_samples: Annotated[int, Ge(1), RARE] = 10
    test_accuracy: Annotated[bool, RARE] = False

    def __post_init__(self) -> None:
        """Check the grid, and sort its strengths and sizes.

        Raises:
            ArgumentError: naming the value and the values that are expected; also for an option
                that the attack does not have.
            UnknownNameError: for an unknown attack, norm, loss, gradient, labels or precision.
        """
        super().__post_init__()
        for name in ("strengths", "attack_samples", "inference_samples"):
            grid = getattr(self, name)
            require(len(set(grid)) == len(grid), f"got a value twice in {name}: {list(grid)}")
            object.__setattr__(self, name, tuple(sorted(grid)))  # the last is the largest
        options = complete_options(self.attack, self.attack_options)
        object.__setattr__(self, "attack_options", options)
        object.__setattr__(self, "loss", self.make_attack().maximised.loss)  # some have their own
        for strength in self.strengths:
            self.make_attack(strength=strength)

    def make_attack(self, **changes: Any) -> Attack:
        """Return the attack that the spec describes, with some settings changed."""
        # an attack without a gradient has no loss to set
        shared = {name: getattr(self, name) for name in SHARED}
        return attack_row(self.attack).make(shared, {**self.attack_options, **changes})

    @property
    def counted_repeats(self) -> range:
        """Counters of the repeats."""
        return range(self.first_repeat, self.first_repeat + self.repeats)


def recorded_grid(spec: GridSpec) -> dict[str, Any]:
    """Return a spec as a result records it; of an attack of the user's own, what checks ask for.

    Args:
        spec: the settings.
    """
    settings = recorded(spec)
    if spec.attack in ATTACKS:
        return settings
    made = spec.make_attack()
    return {
        **settings,
        "attack_kind": made.kind,
        "attack_source": source_digest(spec.attack),  # cells of another version are of no use
        "minimises_norm": made.minimises_norm,
        "rests": made.maximised.row.rests,
    }


def grid_cells(spec: GridSpec) -> list[Cell]:
    """Return a cell for each repeat and block, and one a repeat for the accuracy on all images."""
    cells = []
    for repeat in spec.counted_repeats:
        cells += [Cell(part=GROUP, repeat=repeat, block=block) for block in spec.blocks]
        if spec.test_accuracy:
            cells.append(Cell(part=TEST, repeat=repeat, group=GROUP))
    return cells


def run_grid_cell(spec: GridSpec, cell: Cell, subject: Subject) -> xr.Dataset:
    """Return the values of a cell of a grid."""
    judged = subject.classifier
    if spec.smoothing_variance > 0:
        judged = Smoothed(judged, variance=spec.smoothing_variance, num_noise=spec.noise_samples)
    return PARTS[cell.part](spec, cell, subject, judged)


def _evaluate(
    spec: GridSpec, cell: Cell, subject: Subject, judged: StochasticClassifier
) -> xr.Dataset:
    """Attack a block of images and judge it."""
    dataset = subject.dataset
    images = spec.block(cell.block, dataset)
    attack_set, inference_set = disjoint_sample_sets(
        judged,
        images.x,
        attack=max(spec.attack_samples),
        inference=max(spec.inference_samples),
        seed=spec.seed,
        repeat=cell.repeat or 0,
        block=cell.block,
        memory_budget=subject.memory_budget,
    )
    values = evaluate(
        judged,
        images.x,
        images.y,
        attack=spec.make_attack(clip=dataset.bounds if spec.clip else None),
        attack_samples=attack_set,
        inference_samples=inference_set,
        strengths=spec.strengths,
        attack_sizes=spec.attack_samples,
        inference_sizes=spec.inference_samples,
        smoothness=_constants(spec, judged),
        judged_bounds=dataset.bounds if spec.clip_judged else None,
        first_example=images.first,
    )
    return images.labelled(values)


def _constants(spec: GridSpec, judged: StochasticClassifier) -> list[float]:
    """Return L of what is judged, where it is known: for f in [0, 1], and lengths in l2."""
    variance = spec.smoothing_variance
    known = variance > 0 and find_output(judged.output).bounded and spec.norm == "l2"
    return [smoothness_constant(variance, which) for which in CONSTANTS] if known else []


def _test_accuracy(
    spec: GridSpec, cell: Cell, subject: Subject, judged: StochasticClassifier
) -> xr.Dataset:
    """Measure the clean accuracy on all test images for every S_I."""
    shares = [
        accuracy(
            judged,
            subject.dataset.x_test,
            subject.dataset.y_test,
            num_samples=size,
            seed=spec.seed,
            repeat=cell.repeat or 0,
            memory_budget=subject.memory_budget,
        )
        for size in spec.inference_samples
    ]
    coords = {"inference_samples": list(spec.inference_samples)}
    return make_dataset({"test_accuracy": np.array(shares)}, coords)


TEST = "test-accuracy"
PARTS = {GROUP: _evaluate, TEST: _test_accuracy}
