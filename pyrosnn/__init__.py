"""pyrosnn: how robust a stochastic classifier is, with Pyro models and guides.

Names are loaded when they are first used: importing pyrosnn costs nothing, and matplotlib is loaded
only by plots.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyrosnn import attacks, checks, conditions, plots, summaries
    from pyrosnn.attacks import (
        APGD,
        FGM,
        MIM,
        PGD,
        SPSA,
        Attack,
        AttackResult,
        ExternalAttack,
        RandomNoise,
        to_module,
    )
    from pyrosnn.certificates.certify import certify
    from pyrosnn.checks import CHECKS, Finding
    from pyrosnn.checks.on_model import check_model
    from pyrosnn.checks.on_result import check_result
    from pyrosnn.conditions import (
        Geometry,
        attack_geometry,
        interval_condition,
        linear_condition,
        smooth_condition,
    )
    from pyrosnn.data import DATASETS, load_dataset
    from pyrosnn.data.dataset import Dataset
    from pyrosnn.errors import PyrosnnError
    from pyrosnn.evaluation import accuracy, attack_spec, evaluate
    from pyrosnn.models import MODELS
    from pyrosnn.models.classifier import StochasticClassifier
    from pyrosnn.models.composed import Composed
    from pyrosnn.models.noise_free import noise_free
    from pyrosnn.noise.matrix_normal import MatrixNormal
    from pyrosnn.results import combine, combine_repeats, make_result, open_results, save_results
    from pyrosnn.sampling import (
        SampleSet,
        disjoint_sample_sets,
        draw_sample_set,
        enumerated,
    )
    from pyrosnn.summaries.explanation import explain
    from pyrosnn.training import (
        Checkpoint,
        TrainingSpec,
        fit,
        load_checkpoint,
        load_model,
        preset,
        save_checkpoint,
        train,
    )
    from pyrosnn.verification.verify import verify

_HOMES = {
    "pyrosnn.attacks": (
        "APGD",
        "FGM",
        "MIM",
        "PGD",
        "SPSA",
        "Attack",
        "AttackResult",
        "ExternalAttack",
        "RandomNoise",
        "to_module",
    ),
    "pyrosnn.certificates.certify": ("certify",),
    "pyrosnn.checks": ("CHECKS", "Finding"),
    "pyrosnn.checks.on_model": ("check_model",),
    "pyrosnn.checks.on_result": ("check_result",),
    "pyrosnn.conditions": (
        "Geometry",
        "attack_geometry",
        "interval_condition",
        "linear_condition",
        "smooth_condition",
    ),
    "pyrosnn.data": ("DATASETS", "load_dataset"),
    "pyrosnn.data.dataset": ("Dataset",),
    "pyrosnn.errors": ("PyrosnnError",),
    "pyrosnn.evaluation": ("accuracy", "attack_spec", "evaluate"),
    "pyrosnn.models": ("MODELS",),
    "pyrosnn.models.classifier": ("StochasticClassifier",),
    "pyrosnn.models.composed": ("Composed",),
    "pyrosnn.models.noise_free": ("noise_free",),
    "pyrosnn.noise.matrix_normal": ("MatrixNormal",),
    "pyrosnn.results": (
        "combine",
        "combine_repeats",
        "make_result",
        "open_results",
        "save_results",
    ),
    "pyrosnn.summaries.explanation": ("explain",),
    "pyrosnn.sampling": (
        "SampleSet",
        "disjoint_sample_sets",
        "draw_sample_set",
        "enumerated",
    ),
    "pyrosnn.training": (
        "Checkpoint",
        "TrainingSpec",
        "fit",
        "load_checkpoint",
        "load_model",
        "preset",
        "save_checkpoint",
        "train",
    ),
    "pyrosnn.verification.verify": ("verify",),
}
_MODULES = ("attacks", "checks", "conditions", "plots", "summaries")
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "APGD",
    "CHECKS",
    "DATASETS",
    "FGM",
    "MIM",
    "MODELS",
    "PGD",
    "SPSA",
    "Attack",
    "AttackResult",
    "Checkpoint",
    "Composed",
    "Dataset",
    "ExternalAttack",
    "Finding",
    "Geometry",
    "MatrixNormal",
    "PyrosnnError",
    "RandomNoise",
    "SampleSet",
    "StochasticClassifier",
    "TrainingSpec",
    "accuracy",
    "attack_geometry",
    "attack_spec",
    "attacks",
    "certify",
    "check_model",
    "check_result",
    "checks",
    "combine",
    "combine_repeats",
    "conditions",
    "disjoint_sample_sets",
    "draw_sample_set",
    "enumerated",
    "evaluate",
    "explain",
    "fit",
    "interval_condition",
    "linear_condition",
    "load_checkpoint",
    "load_dataset",
    "load_model",
    "make_result",
    "noise_free",
    "open_results",
    "plots",
    "preset",
    "save_checkpoint",
    "save_results",
    "smooth_condition",
    "summaries",
    "to_module",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"pyrosnn.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("pyrosnn")
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'pyrosnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
