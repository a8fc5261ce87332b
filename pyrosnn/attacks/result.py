"""The result of an attack."""

import math
from dataclasses import dataclass, replace

from torch import Tensor

from pyrosnn.attacks.norms import length
from pyrosnn.attacks.problem import Problem
from pyrosnn.sampling import Origin
from pyrosnn.settings import RightlyCalled
from pyrosnn.shapes import Flags, Images, PerImage


@dataclass(frozen=True, kw_only=True)
class AttackResult(metaclass=RightlyCalled):
    """Perturbations of a block of images, and their origin.

    Attributes:
        step: δ divided by ``factor``, shape (example, *image); strengths may share it.
        factor: what the step is multiplied by.
        norm: the true norm of δ, in the attack's norm, shape (example,).
        length: ‖δ‖₂ of each image, whatever the attack's norm: what the conditions speak of.
        zero_gradient: images whose gradient was zero in every step, so that none was made.
        correct: images that the attacker's own samples classify correctly before the attack.
        num_gradients: gradients of a single sample computed for each image; the mean over images,
            rounded up, where the attack finished with some before others.
        num_queries: values of the loss of a single sample, without a gradient, likewise.
        origin: where the attacker's samples came from.
        strength: η, the largest norm that δ might have.
        fooled: of an attack that minimises the norm, images whose δ before it was shortened to the
            strength fools the attacker's samples; None if the attack does not say.
    """

    step: Images
    factor: float = 1.0
    norm: PerImage
    length: PerImage
    zero_gradient: Flags
    correct: Flags
    num_gradients: int
    num_queries: int = 0
    origin: Origin
    strength: float = math.inf
    fooled: Flags | None = None

    @property
    def perturbation(self) -> Images:
        """δ, shape (example, *image)."""
        return self.factor * self.step

    @property
    def unmoved(self) -> Flags:
        """Images whose δ is 0 although a longer one was allowed: nothing was tried on them."""
        return (self.length == 0) & (self.strength > 0)

    def scaled(self, factor: float) -> "AttackResult":
        """Multiply every δ, and the strength, by a factor >= 0, without copying images."""
        return replace(
            self,
            factor=factor * self.factor,
            strength=factor * self.strength if factor > 0 else 0.0,
            norm=factor * self.norm,
            length=factor * self.length,
        )


def result_of(problem: Problem, delta: Tensor, y: Tensor, strength: float) -> AttackResult:
    """Return δ with its norms, and the flags and counts of the problem.

    Args:
        problem: what the attack worked on.
        delta: δ, shape (example, *image).
        y: the true labels.
        strength: η.

    Raises:
        NotFiniteError: for a δ or gradients that are NaN or infinite.
    """
    problem.require_finite(delta)
    return AttackResult(
        step=delta,
        norm=problem.norm.measure(delta),
        length=length(delta),
        zero_gradient=problem.zero_gradient,
        correct=problem.predicted == y,
        num_gradients=problem.per_image(problem.num_gradients),
        num_queries=problem.per_image(problem.num_queries),
        origin=problem.origin,
        strength=strength,
        fooled=problem.fooled,
    )


def with_step(problem: Problem, result: AttackResult, step: Tensor) -> AttackResult:
    """Return a result with another δ, and its norms."""
    norm = problem.norm.measure(step)
    return replace(result, step=step, factor=1.0, norm=norm, length=length(step))


def shortened(problem: Problem, result: AttackResult, strength: float) -> AttackResult:
    """Return a result with no δ longer than the strength."""
    if strength == 0:
        return result.scaled(0.0)
    short = with_step(problem, result, problem.project(result.perturbation, strength))
    return replace(short, strength=strength)
