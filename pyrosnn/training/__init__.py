"""Training by stochastic variational inference, its settings as data, and checkpoints."""

from pyrosnn.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from pyrosnn.training.own_model import OwnModel, Reference, load_own_model
from pyrosnn.training.spec import TrainingSpec, preset, preset_names
from pyrosnn.training.train import TrainingProgress, train

__all__ = [
    "Checkpoint",
    "OwnModel",
    "Reference",
    "TrainingProgress",
    "TrainingSpec",
    "load_checkpoint",
    "load_own_model",
    "preset",
    "preset_names",
    "save_checkpoint",
    "train",
]
