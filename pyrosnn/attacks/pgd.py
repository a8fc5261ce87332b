"""`pgd`: projected gradient descent, many short steps of FGM within the ball."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pyrosnn.attacks.attack import Attack, AttackResult
from pyrosnn.attacks.gradient import loss_gradient
from pyrosnn.attacks.norms import NORMS, largest_entry, length, per_image
from pyrosnn.errors import require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import (
    SampleSet,
    draw_sample_set,
    predict,
    successive_sample_sets,
)
from pyrosnn.seeding import forked_rng, seed_sequence


@dataclass(frozen=True, kw_only=True)
class PGD(Attack):
    r"""Steps along the loss gradient, each projected back onto the ball of radius η.

    $\delta_{k+1} = \Pi_{\|\cdot\| \le \eta}(\delta_k + \rho\,\eta\, g_k / \|g_k\|)$ with
    $\delta_0 = 0$. Every step has its own gradient $g_k$ and, by default, its own samples: step k
    uses samples k S_A … (k + 1) S_A - 1 of the attack set's stream, the first step the set
    itself. With one step and ρ = 1 it is FGM.

    Attributes:
        steps: number of steps.
        relative_step: ρ, the length of a step as a share of the strength.
        fixed_samples: use the attack set in every step, not fresh samples.
        restarts: further attacks from random starting points; of all ends, each image keeps the
            one with the smallest margin on a selection set V, of the attack set's size and of a
            stream of its own. Off by default.

    References:
        A. Madry et al., ICLR 2018. Steps, step size and fresh samples: supplement C.2.2 of
        Däubener & Fischer 2022.

    Example:
        >>> PGD(strength=1.5, steps=20, relative_step=0.1).steps
        20
    """

    steps: int = 100
    relative_step: float = 0.02
    fixed_samples: bool = False
    restarts: int = 0

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: ``steps must be >= 1, got 0``; for steps that do not reach the strength.
        """
        super().__post_init__()
        require(self.steps >= 1, f"steps must be >= 1, got {self.steps}")
        require(
            0 < self.relative_step < math.inf,
            f"relative_step must be > 0 and finite, got {self.relative_step}",
        )
        reach = self.steps * self.relative_step
        require(
            reach >= 1 - 1e-9,  # as 49 steps of 1 / 49 do
            f"{self.steps} steps of {self.relative_step:g} η reach {reach:g} η at most; give more "
            f"steps, or relative_step >= {1 / self.steps:.3g} ({2 / self.steps:.3g} is usual)",
        )
        require(self.restarts >= 0, f"restarts must be >= 0, got {self.restarts}")

    def __call__(
        self, classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
    ) -> AttackResult:
        """Compute δ for each image; see :class:`Attack`."""
        if self.strength == 0 and (self.steps > 1 or self.restarts > 0):
            # nothing can move: one gradient has all there is to know
            one = replace(self, steps=1, relative_step=1.0, restarts=0)
            return one(classifier, x, y, samples)
        labels = self.attacked_labels(classifier, x, y, samples)
        sets = self._sample_sets(classifier, x, samples)
        best = self._ascend(classifier, x, labels, sets, torch.zeros_like(x))
        for restart in range(self.restarts):
            with forked_rng(self._restart_seed(samples, restart), x.device):
                start = self._within(x, NORMS[self.norm].draw(x, self.strength))
            found = self._ascend(classifier, x, labels, sets, start)
            best = self._better(classifier, x, labels, samples, best, found)
        used = self.steps * (1 + self.restarts)
        origin = samples.origin
        if not self.fixed_samples:
            origin = replace(origin, stop=origin.start + used * len(samples))
        return replace(
            best,
            correct=best.correct & (labels == y),
            num_gradients=used * len(samples),
            origin=origin,
        )

    def _sample_sets(
        self, classifier: StochasticClassifier, x: Tensor, samples: SampleSet
    ) -> Iterator[SampleSet]:
        if not self.fixed_samples:
            return successive_sample_sets(classifier, x, samples)
        return iter(lambda: samples, None)

    def _restart_seed(self, samples: SampleSet, restart: int) -> np.random.SeedSequence:
        o = samples.origin
        return seed_sequence(o.seed, "restart", o.repeat, o.block, o.start, restart)

    def _within(self, x: Tensor, perturbation: Tensor) -> Tensor:
        """Bring δ into the ball, and x + δ between the clipping bounds."""
        inside = NORMS[self.norm].project(perturbation, self.strength)
        return inside if self.clip is None else (x + inside).clamp(*self.clip) - x

    def _ascend(
        self,
        classifier: StochasticClassifier,
        x: Tensor,
        labels: Tensor,
        sets: Iterator[SampleSet],
        perturbation: Tensor,
    ) -> AttackResult:
        """Make the steps from a starting point.

        What the result says of samples and of ``correct`` is the caller's to complete.
        """
        norm = NORMS[self.norm]
        zero = torch.ones_like(labels, dtype=torch.bool)
        correct = torch.zeros_like(zero)
        for step in range(self.steps):
            samples = next(sets)
            gradient = loss_gradient(
                classifier,
                x + perturbation,
                labels,
                samples,
                loss=self.loss,
                gradient=self.gradient,
                precision=self.precision,
            )
            if step == 0:
                correct = gradient.correct
            zero &= largest_entry(gradient.direction) == 0
            move = self.relative_step * self.strength * norm.steepest(gradient.direction)
            perturbation = self._within(x, perturbation + move)
        return AttackResult(
            step=perturbation,
            norm=norm.measure(perturbation),
            length=length(perturbation),
            zero_gradient=zero,
            correct=correct,
            num_gradients=self.steps * len(samples),
            origin=samples.origin,
        )

    def _better(
        self,
        classifier: StochasticClassifier,
        x: Tensor,
        labels: Tensor,
        samples: SampleSet,
        first: AttackResult,
        second: AttackResult,
    ) -> AttackResult:
        """Keep for each image the end with the smaller margin on the selection set V."""
        o = samples.origin
        selection = draw_sample_set(
            classifier,
            x,
            len(samples),
            seed=o.seed,
            stream="selection",
            repeat=o.repeat,
            block=o.block,
            memory_budget=samples.memory_budget,
        )

        def margin(result: AttackResult) -> Tensor:
            return predict(classifier, x + result.perturbation, selection).margin(labels)

        wins = margin(second) < margin(first)
        return replace(
            first,
            step=torch.where(per_image(wins, x), second.step, first.step),
            norm=torch.where(wins, second.norm, first.norm),
            length=torch.where(wins, second.length, first.length),
            zero_gradient=first.zero_gradient & second.zero_gradient,
        )
