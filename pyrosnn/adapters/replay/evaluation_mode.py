"""A module in evaluation mode, where it draws nothing there: its noise-free network."""

import pyro
import torch
from pyro.distributions import Delta
from torch import Tensor

from pyrosnn.adapters.replay.noise_modes import seen_draws
from pyrosnn.adapters.replay.passes import Passes, evaluation_modes
from pyrosnn.adapters.replay.paths import Path, num_samples
from pyrosnn.adapters.replay.returned import Returned
from pyrosnn.shapes import Sites

SITE = "evaluation_mode"  # its only value stands for no noise


class EvaluationMode(Path):
    """One pass in evaluation mode for all samples, which are equal."""

    name = "evaluation"

    def sample(self, x: Tensor, images: pyro.plate) -> Sites:
        """Declare the only value."""
        return {SITE: pyro.sample(SITE, Delta(x.new_zeros(1), event_dim=1))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the images once, or once for each sample that has its own."""
        if self._own(x):
            unfolded: Tensor = self._pass(x.flatten(0, 1), []).unflatten(0, x.shape[:2])
            return unfolded
        logits = self._pass(x, [])
        return logits.expand(num_samples(sites), *logits.shape)


def evaluation_mode(
    module: torch.nn.Module, x: Tensor, returned: Returned, image_shape: tuple[int, ...]
) -> EvaluationMode | None:
    """Return the path in evaluation mode; None for a module that draws in it.

    Args:
        module: the module.
        x: a few images.
        returned: which logits are in what the module returns.
        image_shape: shape of one image.
    """
    passes = Passes(module, evaluation_modes(module))
    passes.watch(x)
    seen = seen_draws(passes, x)
    if seen.draws or seen.others_moved:
        return None
    return EvaluationMode(passes, (), returned, image_shape)
