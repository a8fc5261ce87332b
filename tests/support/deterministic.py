"""A network without noise as a classifier whose samples are all equal."""

import pyro
import torch
from pyro.distributions import Delta
from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.shapes import Sites


class Deterministic(StochasticClassifier):
    """One module, and a site that it does not use."""

    objective = ""

    def __init__(self, module: torch.nn.Module, image_shape: tuple[int, ...], num_classes: int):
        super().__init__(image_shape, num_classes)
        self.module = module

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        return {"none": pyro.sample("none", Delta(x.new_zeros(1), event_dim=1))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        number = len(sites["none"])
        if x.ndim > len(self.image_shape) + 1:
            own: Tensor = self.module(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            return own
        logits: Tensor = self.module(x)
        return logits.expand(number, *logits.shape)


def deterministic(
    module: torch.nn.Module, image_shape: tuple[int, ...], num_classes: int = 10
) -> Deterministic:
    """Return a module as a classifier."""
    return Deterministic(module, image_shape, num_classes)
