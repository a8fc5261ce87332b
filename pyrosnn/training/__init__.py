"""Training by stochastic variational inference, its settings as data, and checkpoints."""

from pyrosnn.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from pyrosnn.training.presets import preset, preset_names
from pyrosnn.training.spec import TrainingSpec
from pyrosnn.training.state import TrainingState
from pyrosnn.training.state_file import load_state, save_state, state_path
from pyrosnn.training.train import TrainingProgress, fit, train

__all__ = [
    "Checkpoint",
    "TrainingProgress",
    "TrainingSpec",
    "TrainingState",
    "fit",
    "load_checkpoint",
    "load_state",
    "preset",
    "preset_names",
    "save_checkpoint",
    "save_state",
    "state_path",
    "train",
]
