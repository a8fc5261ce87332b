"""A regulariser: how far the gradients of two samples point in one direction."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cosine_similarity

from pyrosnn.training.regularisers.regulariser import Regulariser
from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class Aligned(Regulariser):
    """The mean cosine of the gradients of successive samples, for each image."""

    def penalty(self, step: Step) -> Tensor:
        gradients = step.input_gradients.flatten(2)
        return cosine_similarity(gradients, gradients.roll(1, 0), dim=-1).mean(0)
