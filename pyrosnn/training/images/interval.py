"""`ibp`: the loss at x, and the worst that interval bounds allow within a ball around it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import torch
from annotated_types import Ge, Le
from pyro.distributions import Categorical
from torch import Tensor

from pyrosnn.errors import NoBoundsError, require
from pyrosnn.models.programs import programs_of
from pyrosnn.propagation import BALLS, METHODS, ball, difference_bounds
from pyrosnn.settings import OneOf
from pyrosnn.training.images.kind import TrainingImages
from pyrosnn.training.modes import evaluating

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class Interval(TrainingImages):
    r"""Interval training: networks whose samples can be verified.

    The loss is $\kappa L(z) + (1 - \kappa) L(\hat z)$. $\hat z$ are the worst logits in the ball:
    0 for the label and $-d_{s,j}$ for class j, where $d_{s,j} \le z_y - z_j$ is the interval bound
    of particle s. L pools the particles as the objective does, and the KL counts once. From the
    end of the warm-up on, ε rises to the strength and κ falls from 1 to ``kappa``, linearly.

    Attributes:
        strength: strength ε of the ball at the end of the ramp, in pixel units.
        norm: norm of the ball.
        kappa: weight of the loss at x at the end of the ramp, κ; 1 is training on clean images.
        warm_up: number of epochs at x alone.
        ramp: number of epochs over which ε and κ move.
        clip: only images within the data's bounds.

    References:
        S. Gowal et al., On the effectiveness of interval bound propagation for training
        verifiably robust models, 2018, equation 13. Samples of a Bayesian network: M. Wicker et
        al., Bayesian inference with certifiable adversarial robustness, AISTATS 2021.

    Example:
        >>> Interval(strength=0.5, ramp=4).at(1), Interval(strength=0.5, ramp=4).at(9)
        ((0.125, 0.875), (0.5, 0.5))
    """

    strength: Annotated[float, Ge(0)]
    norm: Annotated[str, OneOf(BALLS)] = "linf"
    kappa: Annotated[float, Ge(0), Le(1)] = 0.5
    warm_up: Annotated[int, Ge(0)] = 0
    ramp: Annotated[int, Ge(0)] = 10
    clip: bool = True

    @property
    def clean_epochs(self) -> int:
        """The warm-up."""
        return self.warm_up

    @property
    def full_from(self) -> int:
        """The last epoch of the ramp, which follows the warm-up."""
        return self.warm_up + max(1, self.ramp)

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse noise on the images together with bounds, beyond which noisy images lie."""
        require(
            spec.smoothing_variance == 0 or not self.clip,
            "noisy images leave the data's bounds, to which clip restricts the ball; set clip to "
            "False, or smoothing_variance to 0",
        )

    def at(self, epoch: int) -> tuple[float, float]:
        """Return ε and κ in an epoch, counted from 1."""
        done = max(0, epoch - self.warm_up)
        share = 1.0 if done >= self.ramp and done > 0 else done / max(1, self.ramp)
        return share * self.strength, 1 - share * (1 - self.kappa)

    def loss(self, step: "Step") -> Tensor:
        """Return the weighted losses at x and of the worst logits in the ball."""
        strength, kappa = self.at(step.epoch)
        if kappa == 1:
            return step.loss(step.clean)
        worst = Categorical(logits=self.worst_logits(step, strength))
        pooled = step.setting.objective.pool(worst, step.y)
        return step.loss(step.evaluate(step.x, kappa)) - (1 - kappa) * pooled.mean()

    def worst_logits(self, step: "Step", strength: float) -> Tensor:
        """Return the worst logits of each particle, shape (sample, example, class).

        Raises:
            NoBoundsError: for a model whose layers cannot be bounded, saying which can.
        """
        try:
            return self._worst_logits(step, strength)
        except NoBoundsError as error:
            raise NoBoundsError(f"images 'ibp' need a network with bounds: {error}") from error

    def _worst_logits(self, step: "Step", strength: float) -> Tensor:
        classifier = step.setting.classifier
        regions = ball(step.x, self.norm, strength, step.setting.bounds if self.clip else None)
        with evaluating(classifier), torch.autocast(step.x.device.type, enabled=False):
            (steps,) = programs_of(classifier)(step.particles)
            lower, _ = difference_bounds(
                steps, regions, step.y, classifier.num_classes, method=METHODS["ibp"]
            )
        number = step.setting.objective.num_particles
        return -lower.expand(number, -1, -1)
