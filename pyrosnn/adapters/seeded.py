"""Noise that is replayed by its seed: a sample is a seed."""

import torch

from pyrosnn.adapters.stochastic import Stochastic
from pyrosnn.settings import called_rightly


class SeededModule(Stochastic):
    """A module that is seeded before every pass, in the modes that its parts have.

    It is ``Stochastic(module, image_shape, mode="own", replay="seeds")``: slow, one pass for each
    image and sample, and the way for noise that is no sample site. :class:`Stochastic` takes it
    where it must.

    Args:
        module: returns logits; it is copied.
        image_shape: shape of one image.
        output: what f_c is.
        per_example: a seed for each image (noise), or one for all images (weights).

    Example:
        >>> class Noisy(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.linear = torch.nn.Linear(64, 10)
        ...     def forward(self, x):
        ...         return self.linear((x + 0.3 * torch.randn_like(x)).flatten(1))
        >>> SeededModule(Noisy(), (1, 8, 8)).replay
        'seeds'
    """

    @called_rightly
    def __init__(
        self,
        module: torch.nn.Module,
        image_shape: tuple[int, ...],
        *,
        output: str = "probs",
        per_example: bool = True,
    ):
        super().__init__(
            module, image_shape, output=output, mode="own", per_example=per_example, replay="seeds"
        )
