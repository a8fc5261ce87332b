"""A grid of evaluations: what `sample-size`, `inference-size` and `conditions` have in common."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.attacks import ATTACKS, Attack, GradientAttack
from pyrosnn.conditions import CONSTANTS, smoothness_constant
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, require, unknown_name
from pyrosnn.evaluation import accuracy, evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.outputs import find_output
from pyrosnn.results import GROUP, combine, combine_repeats, make_dataset
from pyrosnn.sampling import disjoint_sample_sets
from pyrosnn_studies.cells import Cell, Plan, image_blocks, images_of, require_first_image
from pyrosnn_studies.presets import default_loss, preset_strengths, study_settings
from pyrosnn_studies.runner import Material


@dataclass(frozen=True, kw_only=True)
class GridSpec:
    """Settings of a grid of evaluations.

    Attributes:
        images: how many test images.
        strengths: strengths η; these and the sizes are kept in rising order.
        attack_samples: sizes S_A; smaller sets are the first samples of the largest one.
        inference_samples: sizes S_I, nested likewise.
        attack: name in ``ATTACKS``.
        attack_options: options of that attack alone, such as PGD's steps, complete with its
            defaults.
        norm, loss, gradient, labels, precision: settings of every attack.
        clip: whether the attack clips x + δ to the data's bounds.
        clip_judged: whether I judges x + δ clipped to them, while δ stays whole.
        repeats: repetitions with fresh A and I.
        seed: root seed.
        block_size: images that share a draw of A and I; more blocks, steadier means.
        smoothing_variance: variance of the noise that the classifier is averaged over; 0 leaves
            that out. The smooth condition is judged where its constant is known: for probabilities
            under l2.
        noise_samples: noises of that average for each sample and image.
        test_accuracy: measure the clean accuracy on all test images, too.
        first_image: index of the first image, a multiple of ``block_size``, and
        first_repeat: counter of the first repeat: a part of a larger study has the sample sets
            that the whole has there.
    """

    images: int
    strengths: tuple[float, ...]
    attack_samples: tuple[int, ...]
    inference_samples: tuple[int, ...]
    attack: str = "fgm"
    attack_options: Mapping[str, Any] = field(default_factory=dict)
    norm: str = "l2"
    loss: str = "cross-entropy"
    gradient: str = "mean_prediction"
    labels: str = "true"
    precision: str = "full"
    clip: bool = False
    clip_judged: bool = False
    repeats: int = 5
    seed: int = 0
    block_size: int = 50
    smoothing_variance: float = 0.0
    noise_samples: int = 10
    test_accuracy: bool = False
    first_image: int = 0
    first_repeat: int = 0

    def __post_init__(self) -> None:
        """Check the grid.

        Raises:
            ArgumentError: naming the value and what is expected; also for an option that the
                attack does not have.
            UnknownNameError: for an unknown attack, norm, loss, gradient, labels or precision.
        """
        for name in ("strengths", "attack_samples", "inference_samples"):
            grid = getattr(self, name)
            require(len(grid) >= 1, f"got no {name}; expected at least one")
            require(len(set(grid)) == len(grid), f"got a value twice in {name}: {list(grid)}")
            object.__setattr__(self, name, tuple(sorted(grid)))  # the last is the largest
        for name in ("attack_samples", "inference_samples"):
            for value in getattr(self, name):
                require(value >= 1, f"{name} must be >= 1, got {value}")
        for name in ("images", "repeats", "block_size", "noise_samples"):
            value = getattr(self, name)
            require(value >= 1, f"{name} must be >= 1, got {value}")
        require_first_image(self.first_image, self.block_size)
        require(self.first_repeat >= 0, f"first_repeat must be >= 0, got {self.first_repeat}")
        require(
            0 <= self.smoothing_variance < math.inf,
            f"smoothing_variance must be >= 0 and finite, got {self.smoothing_variance}",
        )
        object.__setattr__(self, "attack_options", self._complete_options())
        for strength in self.strengths:
            self.make_attack(strength=strength)

    def _complete_options(self) -> dict[str, Any]:
        """Return the attack's own options, those that are not given with their defaults."""
        if self.attack not in ATTACKS:
            raise unknown_name("attack", self.attack, ATTACKS)
        own = _own_options(self.attack)
        for name in self.attack_options:
            if name not in own:
                raise _no_option(self.attack, name)
        return {**own, **self.attack_options}

    def make_attack(self, **changes: Any) -> Attack:
        """Return the attack that the spec describes, with some settings changed."""
        kind = ATTACKS[self.attack]
        names = ("norm", "loss", "gradient", "labels", "precision")
        its = {f.name for f in fields(kind)}  # an attack without a gradient has no loss to set
        common = {name: getattr(self, name) for name in names if name in its}
        return kind(**{**common, **self.attack_options, **changes})

    @property
    def counted_repeats(self) -> range:
        """Counters of the repeats."""
        return range(self.first_repeat, self.first_repeat + self.repeats)

    @property
    def blocks(self) -> range:
        """Counters of the blocks of images."""
        return image_blocks(self.images, self.block_size, self.first_image)


def _own_options(attack: str) -> dict[str, Any]:
    """Return the options of an attack that others do not have, with their defaults."""
    common = {f.name for f in fields(GradientAttack)}
    return {f.name: f.default for f in fields(ATTACKS[attack]) if f.name not in common}


def _no_option(attack: str, name: str) -> ArgumentError:
    """Return the error for an option that an attack does not have, naming one that does."""
    own = _own_options(attack)
    has = f"its options are {', '.join(own)}" if own else "it has none"
    others = [other for other in ATTACKS if name in _own_options(other)]
    step = f"; give --attack {others[0]} (attack='{others[0]}' in Python)" if others else ""
    return ArgumentError(f"{attack} has no option '{name}'; {has}{step}")


def grid_spec(study: str, preset: str, dataset: Dataset, output: str, **changes: Any) -> GridSpec:
    """Return a study's settings for a data set and a kind of discriminant functions.

    Args:
        study: name of the study.
        preset: ``quick`` or ``paper``.
        dataset: the data set; it decides the strengths.
        output: what f is; it decides the loss.
        changes: fields of :class:`GridSpec` that differ; None leaves a field as it is.

    Raises:
        UnknownNameError, ArgumentError: for names and values that cannot be.
    """
    settings = {"loss": default_loss(output), **study_settings(study, preset, dataset, changes)}
    if isinstance(settings["strengths"], str):
        norm = settings.get("norm", "l2")
        settings["strengths"] = preset_strengths(dataset.name, norm, settings["strengths"])
    return GridSpec(**settings)


def grid_cells(spec: GridSpec) -> list[Cell]:
    """Return a cell for each repeat and block, and one a repeat for the accuracy on all images."""
    cells = []
    for repeat in spec.counted_repeats:
        cells += [Cell(part=GROUP, repeat=repeat, block=block) for block in spec.blocks]
        if spec.test_accuracy:
            cells.append(Cell(part=TEST, repeat=repeat))
    return cells


def run_grid_cell(spec: GridSpec, cell: Cell, material: Material) -> xr.Dataset:
    """Return the values of a cell of a grid."""
    judged = material.classifier
    if spec.smoothing_variance > 0:
        judged = Smoothed(judged, variance=spec.smoothing_variance, num_noise=spec.noise_samples)
    return PARTS[cell.part](spec, cell, material, judged)


def join_grid(spec: GridSpec, parts: Mapping[Cell, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Join the values of all cells of a grid."""
    repeats = []
    for repeat in spec.counted_repeats:
        blocks = [parts[Cell(part=GROUP, repeat=repeat, block=block)] for block in spec.blocks]
        joined = combine(blocks, "example")
        if spec.test_accuracy:
            joined = joined.merge(parts[Cell(part=TEST, repeat=repeat)])
        repeats.append(joined)
    return {GROUP: combine_repeats(repeats, first=spec.first_repeat)}


GRID = Plan(cells=grid_cells, run_cell=run_grid_cell, join=join_grid)


def _evaluate(
    spec: GridSpec, cell: Cell, material: Material, judged: StochasticClassifier
) -> xr.Dataset:
    """Attack a block of images and judge it."""
    dataset = material.dataset
    x, y = dataset.test_images(spec.first_image + spec.images)
    part = images_of(cell.block, len(x), spec.block_size)
    images, labels = x[part], y[part]
    attack_set, inference_set = disjoint_sample_sets(
        judged,
        images,
        attack=max(spec.attack_samples),
        inference=max(spec.inference_samples),
        seed=spec.seed,
        repeat=cell.repeat,
        block=cell.block,
        memory_budget=material.memory_budget,
    )
    return evaluate(
        judged,
        images,
        labels,
        attack=spec.make_attack(clip=dataset.bounds if spec.clip else None),
        attack_samples=attack_set,
        inference_samples=inference_set,
        strengths=spec.strengths,
        attack_sizes=spec.attack_samples,
        inference_sizes=spec.inference_samples,
        smoothness=_constants(spec, judged),
        judged_bounds=dataset.bounds if spec.clip_judged else None,
        first_example=part.start,
    )


def _constants(spec: GridSpec, judged: StochasticClassifier) -> list[float]:
    """Return L of what is judged, where it is known: for f in [0, 1], and lengths in l2."""
    variance = spec.smoothing_variance
    known = variance > 0 and find_output(judged.output).bounded and spec.norm == "l2"
    return [smoothness_constant(variance, which) for which in CONSTANTS] if known else []


def _test_accuracy(
    spec: GridSpec, cell: Cell, material: Material, judged: StochasticClassifier
) -> xr.Dataset:
    """Measure the clean accuracy on all test images for every S_I."""
    each = [
        accuracy(
            judged,
            material.dataset.x_test,
            material.dataset.y_test,
            num_samples=size,
            seed=spec.seed,
            repeat=cell.repeat,
            memory_budget=material.memory_budget,
        )
        for size in spec.inference_samples
    ]
    coords = {"inference_samples": list(spec.inference_samples)}
    return make_dataset({"test_accuracy": np.array(each)}, coords)


TEST = "test-accuracy"
PARTS = {GROUP: _evaluate, TEST: _test_accuracy}
