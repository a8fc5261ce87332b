"""Attacks on the mean prediction of an attack set: one file and one line in ``ATTACKS`` each."""

from pyrosnn.attacks.attack import Attack, AttackResult
from pyrosnn.attacks.fgm import FGM
from pyrosnn.attacks.gradient import LossGradient, loss_gradient
from pyrosnn.attacks.labels import LABELS
from pyrosnn.attacks.losses import GRADIENTS, LOSSES
from pyrosnn.attacks.norms import NORMS
from pyrosnn.attacks.pgd import PGD
from pyrosnn.models.precision import PRECISIONS

ATTACKS: dict[str, type[Attack]] = {"fgm": FGM, "pgd": PGD}

__all__ = [
    "ATTACKS",
    "FGM",
    "GRADIENTS",
    "LABELS",
    "LOSSES",
    "NORMS",
    "PGD",
    "PRECISIONS",
    "Attack",
    "AttackResult",
    "LossGradient",
    "loss_gradient",
]
