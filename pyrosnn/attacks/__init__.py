"""Attacks on the mean prediction of an attack set: one file and one line in ``ATTACKS`` each."""

from pyrosnn.attacks.attack import Attack, AttackResult
from pyrosnn.attacks.external import AttackFunction, ExternalAttack, as_attack
from pyrosnn.attacks.fgm import FGM
from pyrosnn.attacks.gradient import LossGradient, loss_gradient
from pyrosnn.attacks.labels import LABELS
from pyrosnn.attacks.losses import GRADIENTS, LOSSES
from pyrosnn.attacks.module import SampledModule, to_module
from pyrosnn.attacks.module_outputs import MODULE_OUTPUTS
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
    "MODULE_OUTPUTS",
    "NORMS",
    "PGD",
    "PRECISIONS",
    "Attack",
    "AttackFunction",
    "AttackResult",
    "ExternalAttack",
    "LossGradient",
    "SampledModule",
    "as_attack",
    "loss_gradient",
    "to_module",
]
