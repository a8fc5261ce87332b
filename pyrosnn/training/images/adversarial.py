"""`adversarial`: the loss at x + δ, alone or combined with the loss at x."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.training.images.attacked import AttackedImages

if TYPE_CHECKING:
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class Adversarial(AttackedImages):
    r"""Adversarial training: the objective at $x + \delta$.

    The labels' term is $w\,L(x) + w'\,L(x + \delta)$, both on the same particles; the KL counts
    once. With strength 0 and the default weights it is the training on clean images, bit for bit.

    Attributes:
        clean_weight: weight of the loss on clean images, w.
        adversarial_weight: weight of the loss on adversarial images, w'.

    References:
        A. Madry et al., ICLR 2018: w = 0, w' = 1, as train.py of
        github.com/MadryLab/cifar10_challenge, whose attack starts at a random point and not at x.
        Z. He et al., Parametric noise injection, CVPR 2019: both 0.5, and predicted labels.

    Example:
        >>> Adversarial(attack="fgm", strength=0.1, attack_options={"norm": "linf"}).noise
        'fresh'
    """

    clean_weight: Annotated[float, Ge(0)] = 0.0
    adversarial_weight: Annotated[float, Ge(0)] = 1.0

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        require(
            self.clean_weight + self.adversarial_weight > 0,
            "clean_weight and adversarial_weight are both 0; give one of them a weight",
        )

    def loss(self, step: "Step") -> Tensor:
        """Return the weighted objective of clean and adversarial images."""
        if self.warming_up(step):
            return step.loss(step.clean)
        evaluated = []
        if self.clean_weight > 0:
            evaluated.append(step.evaluate(step.x, self.clean_weight))
        if self.adversarial_weight > 0:
            evaluated.append(step.evaluate(self.attacked(step), self.adversarial_weight))
        return step.loss(*evaluated)
