"""Attacks on the mean prediction of an attack set: one file and one line in ``ATTACKS`` each."""

from pyrosnn.attacks.apgd import APGD
from pyrosnn.attacks.attack import Attack
from pyrosnn.attacks.averages import GRADIENTS, Average
from pyrosnn.attacks.carlini_wagner import CarliniWagner
from pyrosnn.attacks.ddn import DDN
from pyrosnn.attacks.external import AttackFunction, ExternalAttack, as_attack
from pyrosnn.attacks.fgm import FGM
from pyrosnn.attacks.fmn import FMN
from pyrosnn.attacks.gradient import LossGradient, loss_gradient
from pyrosnn.attacks.gradient_attack import GradientAttack
from pyrosnn.attacks.labels import LABELS
from pyrosnn.attacks.loss import Loss
from pyrosnn.attacks.losses import LOSSES
from pyrosnn.attacks.maximised import AttackLoss, Gradient
from pyrosnn.attacks.mim import MIM
from pyrosnn.attacks.minimum_norm import MinimumNormAttack
from pyrosnn.attacks.module import SampledModule, to_module
from pyrosnn.attacks.module_outputs import MODULE_OUTPUTS
from pyrosnn.attacks.norms import NORMS
from pyrosnn.attacks.pgd import PGD
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.random_noise import RandomNoise
from pyrosnn.attacks.result import AttackResult
from pyrosnn.attacks.selecting_attack import SelectingAttack
from pyrosnn.attacks.spsa import SPSA
from pyrosnn.attacks.square import Square
from pyrosnn.attacks.transfer import Transfer
from pyrosnn.models.precision import PRECISIONS

ATTACKS: dict[str, type[Attack]] = {
    "fgm": FGM,
    "pgd": PGD,
    "spsa": SPSA,
    "apgd": APGD,
    "mim": MIM,
    "random": RandomNoise,
    "square": Square,
    "transfer": Transfer,
    "ddn": DDN,
    "fmn": FMN,
    "cw": CarliniWagner,
}

__all__ = [
    "APGD",
    "ATTACKS",
    "DDN",
    "FGM",
    "FMN",
    "GRADIENTS",
    "LABELS",
    "LOSSES",
    "MIM",
    "MODULE_OUTPUTS",
    "NORMS",
    "PGD",
    "PRECISIONS",
    "SPSA",
    "Attack",
    "AttackFunction",
    "AttackLoss",
    "AttackResult",
    "Average",
    "CarliniWagner",
    "ExternalAttack",
    "Gradient",
    "GradientAttack",
    "Loss",
    "LossGradient",
    "MinimumNormAttack",
    "Problem",
    "RandomNoise",
    "SampledModule",
    "SelectingAttack",
    "Square",
    "Transfer",
    "as_attack",
    "loss_gradient",
    "to_module",
]
