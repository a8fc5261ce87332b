"""Tests of pyrosnn's guarantees, to inherit for a classifier or an attack of your own.

``ClassifierContract`` and ``AttackContract`` need pytest, and nothing else of the library does;
``check_contract`` and ``check_attack_contract`` run the same guarantees without it. Four toy
classifiers have a robustness that is known exactly, for tests of attacks and protocols.
"""

from typing import TYPE_CHECKING, Any

from pyrosnn.errors import resolve
from pyrosnn.testing.attack_guarantees import (
    ATTACK_GUARANTEES,
    check_attack_contract,
    trial_classifier,
    trial_labels,
)
from pyrosnn.testing.guarantees import GUARANTEES, check_contract, trial_images
from pyrosnn.testing.toy_models import NoisyLinear, OppositePair, PureNoise, RandomBiasProbit

if TYPE_CHECKING:
    from pyrosnn.testing.attack_contract import AttackContract
    from pyrosnn.testing.contract import ClassifierContract

__all__ = [
    "ATTACK_GUARANTEES",
    "GUARANTEES",
    "AttackContract",
    "ClassifierContract",
    "NoisyLinear",
    "OppositePair",
    "PureNoise",
    "RandomBiasProbit",
    "check_attack_contract",
    "check_contract",
    "trial_classifier",
    "trial_images",
    "trial_labels",
]

# what needs pytest
CONTRACTS = {
    "AttackContract": "pyrosnn.testing.attack_contract:AttackContract",
    "ClassifierContract": "pyrosnn.testing.contract:ClassifierContract",
}


def __getattr__(name: str) -> Any:
    if name in CONTRACTS:
        return resolve(CONTRACTS, name, "contract")
    raise AttributeError(f"module 'pyrosnn.testing' has no attribute {name!r}")
