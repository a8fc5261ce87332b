"""The inputs of a model's checks: a classifier, images, an attack, and fresh A and I."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isqrt
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pyrosnn.attacks import Attack
from pyrosnn.evaluation import attack_spec, evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import combine_repeats, make_result
from pyrosnn.sampling import SampleSet, draw_sample_set, predict

# Student's t of fewer draws would call nothing significant.
NUM_REPEATS = 5
# Samples in A of the checks that attack in many steps or directions, in every repeat: these are
# enough for a large flaw, and a slow classifier is not evaluated for hours.
FEW_SAMPLES = 10


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The subject of the checks that need a model.

    Attributes:
        classifier: the classifier.
        x: images, shape (example, *image).
        y: labels, shape (example,).
        attack: the attack under test.
        attack_samples: S_A.
        inference_samples: S_I.
        seed: root seed; repeats have fresh sets.
    """

    classifier: StochasticClassifier
    x: Tensor
    y: Tensor
    attack: Attack
    attack_samples: int
    inference_samples: int
    seed: int
    _sets: dict[int, tuple[SampleSet, SampleSet]] = field(default_factory=dict, repr=False)
    # by stream and repeat; trials of the same images share them
    _drawn: dict[tuple[str, int], SampleSet] = field(default_factory=dict, repr=False)
    _correct: dict[tuple[str, int], np.ndarray] = field(default_factory=dict, repr=False)

    @cached_property
    def few(self) -> "Trial":
        """The same trial with few samples in A."""
        return self.of(attack_samples=min(self.attack_samples, FEW_SAMPLES))

    def of(self, **changes: Any) -> "Trial":
        """Return the trial of other images or sizes; of the same images it shares the samples."""
        other = replace(self, **changes, _sets={}, _correct={}, _drawn={})
        same = other.classifier is self.classifier and other.seed == self.seed
        return (
            replace(other, _drawn=self._drawn) if same and torch.equal(other.x, self.x) else other
        )

    @property
    def one_step(self) -> Attack:
        """The attack with a single full-length step."""
        return self.attack.one_step

    def sets(self, repeat: int = 0) -> tuple[SampleSet, SampleSet]:
        """Draw A and I of a repeat, once."""
        if repeat not in self._sets:
            self._sets[repeat] = (
                self._first("attack", self.attack_samples, repeat),
                self._first("inference", self.inference_samples, repeat),
            )
        return self._sets[repeat]

    def _first(self, stream: str, number: int, repeat: int) -> SampleSet:
        """Return the first samples of a stream: of a set that was drawn, if it has as many."""
        drawn = self._drawn.get((stream, repeat))
        if drawn is not None and len(drawn) >= number and drawn.stored is not None:
            return drawn[:number]
        samples = draw_sample_set(
            self.classifier,
            self.x,
            number,
            seed=self.seed,
            stream=stream,
            repeat=repeat,
        )
        self._drawn[stream, repeat] = samples
        return samples

    def correct(self, attack: Attack, repeat: int = 0) -> np.ndarray:
        """Return which attacked images I classifies correctly, shape (example,); asked once."""
        key = repr(attack), repeat
        if key not in self._correct:
            attack_set, inference_set = self.sets(repeat)
            result = attack(self.classifier, self.x, self.y, attack_set)
            moved = self.x + result.perturbation
            mean = predict(self.classifier, moved, inference_set, moved=True)
            self._correct[key] = (mean.predicted == self.y).cpu().numpy()
        return self._correct[key]

    def accuracies(self, attack: Attack) -> np.ndarray:
        """Return the adversarial accuracy in each repeat, on the same sets for every attack."""
        return np.array([self.correct(attack, repeat).mean() for repeat in range(NUM_REPEATS)])

    @cached_property
    def result(self) -> xr.DataTree:
        """An evaluation with a few strengths and sizes, as a study would make it."""
        eta = self.attack.strength
        common = min(self.attack_samples, self.inference_samples)  # A and I of one size compare
        sizes = sorted({1, isqrt(self.attack_samples), common, self.attack_samples})
        repeats = []
        for repeat in range(NUM_REPEATS):
            attack_set, inference_set = self.sets(repeat)
            values = evaluate(
                self.classifier,
                self.x,
                self.y,
                attack=self.attack,
                attack_samples=attack_set,
                inference_samples=inference_set,
                strengths=sorted({0.0, eta / 2, eta}),
                attack_sizes=sizes,
                inference_sizes=sorted({common, self.inference_samples}),
            )
            repeats.append(values)
        joined = combine_repeats(repeats)
        low, high = (float(end) for end in self.x.aminmax())
        made = {
            "bounds": [low, high],
            "image_shape": list(self.x.shape[1:]),
            "num_classes": self.classifier.num_classes,
        }
        return make_result(joined, study="check", spec=self._spec(), provenance=made)

    def _spec(self) -> Mapping[str, Any]:
        """Return the attack's settings under their names in a study's spec."""
        return {**attack_spec(self.attack), "block_size": len(self.x)}
