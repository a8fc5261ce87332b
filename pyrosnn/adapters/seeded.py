"""Other internal noise, replayed by its seed: a sample is a seed."""

import pyro
import torch
from pyro.distributions import Bernoulli
from torch import Tensor

from pyrosnn.adapters.adapter import Adapter, by_sample
from pyrosnn.adapters.copies import copy_with_its_modes
from pyrosnn.adapters.evaluated import as_logits
from pyrosnn.adapters.probe import noise_images
from pyrosnn.errors import ArgumentError
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.shapes import Sites

NUM_BITS = 62
# Other batches give other rounding.
TOLERANCE = 1e-4


class SeededModule(Adapter):
    """A module that draws from torch's generators in ``forward``; a sample seeds them.

    Its site ``seed`` is 62 fair coins. An image is evaluated alone, as a batch of one, after
    torch's generators were seeded with its coins (and their state is put back), so that its noise
    depends on nothing but its seed, whatever the batch. That is slow: one forward pass for each
    image and sample. Where ``per_example=False`` and the noise is found not to depend on the
    batch (weights that are drawn in ``forward``), whole batches are evaluated (``batched``).

    Noise from numpy, from ``random`` or from a generator of the module's own is not replayed, and
    refused.

    Args:
        module: returns logits; it is copied. Its parts keep the modes that they have: a module that
            is random in training mode alone must be in it (``module.train()``). Batch and instance
            norm with running statistics are in evaluation mode always.
        image_shape: shape of one image.
        output: what f_c is.
        per_example: a seed for each image (noise), or one for all images (weights).

    Raises:
        NotStochasticError: if outputs do not vary, as when the module's noise is switched off by
            its mode.
        ArgumentError: if a pass changes parameters or buffers, or is not replayed by the seed.

    Example:
        >>> class Noisy(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.linear = torch.nn.Linear(64, 10)
        ...     def forward(self, x):
        ...         return self.linear((x + 0.3 * torch.randn_like(x)).flatten(1))
        >>> SeededModule(Noisy(), (1, 8, 8)).batched
        False
    """

    not_replayed = (
        "draw the noise from torch's global generator (torch.randn_like …), not from numpy, random "
        "or a torch.Generator of its own"
    )

    def __init__(
        self,
        module: torch.nn.Module,
        image_shape: tuple[int, ...],
        *,
        output: str = "probs",
        per_example: bool = True,
    ):
        super().__init__(image_shape, output=output)
        self.per_example = per_example
        self.module = copy_with_its_modes(module)
        self.batched = False
        before = self.fingerprint()
        self.batched = not per_example and self._batch_free()
        self.settle()
        if self.fingerprint() != before:
            raise ArgumentError(
                "a forward pass changes the module's parameters or buffers (spectral norm in "
                "training mode does), so that samples cannot be replayed; put that part into "
                "evaluation mode"
            )

    def _batch_free(self) -> bool:
        """Return whether a seed gives the same outputs in a batch as one by one."""
        x = noise_images(self, 3)
        try:
            with torch.no_grad():
                whole = self._seeded(x, 1)
                one_by_one = torch.cat([self._seeded(image, 1) for image in x.split(1)])
        except Exception:  # the trial run, which follows, names the error
            return False
        return torch.allclose(
            whole, one_by_one, rtol=TOLERANCE, atol=TOLERANCE * float(one_by_one.abs().max())
        )

    def _seeded(self, x: Tensor, seed: int) -> Tensor:
        """Evaluate a batch with torch's generators in a given state."""
        with forked_rng(seed_sequence(seed, "seeded-module"), x.device):
            return as_logits(self.module(x))

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw the seeds."""
        coins = Bernoulli(x.new_tensor(0.5)).expand((NUM_BITS,)).to_event(1)
        if not self.per_example:
            return {"seed": pyro.sample("seed", coins)}
        with images:
            return {"seed": pyro.sample("seed", coins)}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate image by image, or sample by sample."""
        weights = 2 ** torch.arange(NUM_BITS, device=x.device)
        seeds = (sites["seed"].to(torch.int64) * weights).sum(-1).tolist()
        images = by_sample(x, self.image_shape, len(seeds))
        if self.batched:
            return torch.stack(
                [self._seeded(batch, seed) for batch, (seed,) in zip(images, seeds, strict=True)]
            )
        number = images.shape[1]
        logits = [
            self._seeded(image, seed)
            for batch, of_images in zip(images, seeds, strict=True)
            for image, seed in zip(batch.split(1), _spread(of_images, number), strict=True)
        ]
        stacked: Tensor = torch.cat(logits).unflatten(0, (len(seeds), number))
        return stacked


def _spread(seeds: list[int], number: int) -> list[int]:
    """Return one seed per image, even if one seed serves all."""
    return seeds * number if len(seeds) == 1 else seeds
