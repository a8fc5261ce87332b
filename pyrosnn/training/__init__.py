"""Training by stochastic variational inference, its settings as data, and checkpoints.

Names are loaded when they are first used, so that ``pyrosnn.training.options`` loads no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyrosnn.training.checkpoints import (
        Checkpoint,
        load_checkpoint,
        load_model,
        save_checkpoint,
    )
    from pyrosnn.training.loop import TrainingProgress, fit, train
    from pyrosnn.training.presets import preset, preset_names
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.state import TrainingState
    from pyrosnn.training.state_file import load_state, save_state, state_path

_HOMES = {
    "checkpoints": ("Checkpoint", "load_checkpoint", "load_model", "save_checkpoint"),
    "presets": ("preset", "preset_names"),
    "spec": ("TrainingSpec",),
    "state": ("TrainingState",),
    "state_file": ("load_state", "save_state", "state_path"),
    "loop": ("TrainingProgress", "fit", "train"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Checkpoint",
    "TrainingProgress",
    "TrainingSpec",
    "TrainingState",
    "fit",
    "load_checkpoint",
    "load_model",
    "load_state",
    "preset",
    "preset_names",
    "save_checkpoint",
    "save_state",
    "state_path",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
