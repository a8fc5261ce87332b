"""Tests that a classifier of your own can inherit: what pyrosnn takes for granted of each.

``ClassifierContract`` needs pytest, and nothing else of the library does; ``check_contract`` runs
the same guarantees without it.
"""

from typing import TYPE_CHECKING, Any

from pyrosnn.testing.guarantees import GUARANTEES, check_contract, trial_images

if TYPE_CHECKING:
    from pyrosnn.testing.contract import ClassifierContract

__all__ = ["GUARANTEES", "ClassifierContract", "check_contract", "trial_images"]


def __getattr__(name: str) -> Any:
    if name == "ClassifierContract":
        from pyrosnn.testing.contract import ClassifierContract

        return ClassifierContract
    raise AttributeError(f"module 'pyrosnn.testing' has no attribute {name!r}")
