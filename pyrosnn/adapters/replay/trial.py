"""What the paths of a module are tried on: images of noise, and a few samples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyro
import torch
from torch import Tensor

from pyrosnn.adapters.replay.passes import Passes
from pyrosnn.adapters.replay.sites import DrawnSite
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.shapes import Sites

NUM_SAMPLES = 2


@dataclass(frozen=True)
class Trial:
    """What paths are tried on.

    Attributes:
        passes: of the module.
        image_shape: shape of one image.
        images: (number, seed) to images of noise.
    """

    passes: Passes
    image_shape: tuple[int, ...]
    images: Callable[[int, int], Tensor]

    def samples(self, sites: Sequence[DrawnSite], number: int) -> Sites:
        """Draw a few samples.

        Args:
            sites: what is drawn.
            number: for how many images.
        """
        x, samples = self.images(number, 0), []
        with forked_rng(seed_sequence(0, "trial"), x.device):
            for _ in range(NUM_SAMPLES):
                images = pyro.plate("images", number, dim=-1)
                samples.append({site.name: site.sample(x, images) for site in sites})
        return {
            site.name: torch.stack([sample[site.name] for sample in samples]).reshape(
                NUM_SAMPLES, -1 if site.per_image else 1, *site.event
            )
            for site in sites
        }
