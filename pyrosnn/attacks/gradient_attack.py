"""Attacks on a loss that a setting chooses."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from pyrosnn.attacks.attack import Attack
from pyrosnn.attacks.maximised import AttackLoss
from pyrosnn.attacks.problem import Problem


@dataclass(frozen=True, kw_only=True)
class GradientAttack(Attack):
    """Settings of an attack that maximises a loss, along its gradient or what stands for it.

    Attributes:
        loss: what is maximised: ``cross-entropy``, ``margin`` or ``cw``.
        gradient: what is averaged over samples: ``mean_prediction`` (the paper's equation 2),
            ``mean_loss`` or ``mean_logits``.
        precision: of the attacker's networks: that of the classifier (``full``), or ``bf16``, which
            takes half the memory, and half the time on processors that multiply in it.
    """

    loss: str = "cross-entropy"
    gradient: str = "mean_prediction"
    precision: str = "full"

    chooses_loss: ClassVar[bool] = True
    follows_gradient: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: ``strength must be >= 0, got -0.1``.
            UnknownNameError: for an unknown norm, loss, gradient, labels or precision.
        """
        super().__post_init__()
        _ = self.maximised  # refuses unknown names

    @property
    def maximised(self) -> AttackLoss:
        """The loss of the settings."""
        return AttackLoss(loss=self.loss, gradient=self.gradient, precision=self.precision)

    def stay(self, problem: Problem) -> Tensor:
        """Return δ = 0; an attack along gradients asks for one, to tell which images have none."""
        if self.follows_gradient:
            problem.gradient()
        return super().stay(problem)
