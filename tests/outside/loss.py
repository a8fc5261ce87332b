"""A loss: the squared probability that the label does not have."""

from torch import Tensor

from pyrosnn.attacks import Loss
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Labels, Logits


def value(mean: MeanPrediction, y: Labels) -> Tensor:
    """Return (1 - f_y)² / 2."""
    return (1 - mean.values.gather(-1, y.unsqueeze(-1)).squeeze(-1)).square() / 2


def cotangents(logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
    """Return its derivatives with respect to each sample's logits."""
    missing = 1 - mean.values.gather(-1, y.unsqueeze(-1))
    return -missing * mean.discriminants.cotangent(logits, y) / mean.num_samples


SQUARED = Loss(value=value, cotangents=cotangents)
