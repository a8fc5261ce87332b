"""Replay by seeds: a sample is a seed of every generator that a pass may draw from."""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pyro
import torch
from pyro.distributions import Bernoulli
from torch import Tensor

from pyrosnn.adapters.adapter import by_sample
from pyrosnn.adapters.evaluated import evaluated_on
from pyrosnn.adapters.replay.generators import forked_own_generators
from pyrosnn.adapters.replay.paths import Path
from pyrosnn.adapters.replay.returned import Returned
from pyrosnn.adapters.replay.trial import Trial
from pyrosnn.errors import PyrosnnWarning
from pyrosnn.seeding import forked_numpy_rng, forked_rng, seed_sequence
from pyrosnn.shapes import Sites

NUM_BITS = 62
TOLERANCE = 1e-4  # other batches give other rounding
NUM_SEEDS = 16  # a branch that draws for images may be taken half of the time


class Seeds(Path):
    """One pass an image and sample, after all generators were seeded with the sample's coins.

    An image is evaluated alone, so that its noise depends on its seed and not on its batch. Where
    one seed serves all images and the noise is found not to depend on the batch (weights that are
    drawn in ``forward``), whole batches are evaluated.

    torch's generators are seeded, numpy's and Python's global ones, and those that the module and
    its parts keep.

    Args:
        trial: the module, and images.
        returned: which logits are in what the module returns.
        per_example: a seed for each image, or one for all.
    """

    name = "seeds"

    def __init__(self, trial: Trial, returned: Returned, *, per_example: bool):
        super().__init__(trial.passes, (), returned, trial.image_shape)
        self.batched = not per_example and self._batch_free(trial.images(3, 0))
        self.per_example = per_example
        self._one_image = trial.images(1, 0)

    def warn(self, reason: str) -> None:
        """Say why seeds are replayed, and how slow it is."""
        start = time.perf_counter()
        with torch.no_grad():
            self._seeded(self._one_image, 0)
        milliseconds = 1000 * (time.perf_counter() - start)
        alone = "sample" if self.batched else "image and sample"
        warnings.warn(
            f"the module is replayed by seeds, one {alone} at a time (about {milliseconds:.2g} ms "
            f"each, in every pass): {reason}",
            PyrosnnWarning,
            stacklevel=5,
        )

    def sample(self, x: Tensor, images: pyro.plate) -> Sites:
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
        with one_thread():
            logits = [
                self._seeded(image, seed)
                for batch, of_images in zip(images, seeds, strict=True)
                for image, seed in zip(batch.split(1), _spread(of_images, number), strict=True)
            ]
        stacked: Tensor = torch.cat(logits).unflatten(0, (len(seeds), number))
        return stacked

    def _seeded(self, x: Tensor, seed: int) -> Tensor:
        """Evaluate a batch with all generators in a given state."""
        sequence = seed_sequence(seed, "seeded-module")
        with (
            forked_rng(sequence, x.device),
            forked_numpy_rng(sequence),
            forked_own_generators(self.passes.module, seed),
            evaluated_on(tuple(x.shape)),
            self.passes.running(),
        ):
            return self.returned.logits(self.passes.module(x.clone()), len(x))

    def _batch_free(self, x: Tensor) -> bool:
        """Return whether a seed gives the same outputs in a batch as one by one."""
        try:
            with torch.no_grad():
                return all(self._same_one_by_one(x, seed) for seed in range(NUM_SEEDS))
        except Exception:  # the trial run, which follows, names the error
            return False

    def _same_one_by_one(self, x: Tensor, seed: int) -> bool:
        whole = self._seeded(x, seed)
        one_by_one = torch.cat([self._seeded(image, seed) for image in x.split(1)])
        scale = float(one_by_one.abs().max())
        return torch.allclose(whole, one_by_one, rtol=TOLERANCE, atol=TOLERANCE * scale)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: batches of one image are too small to share."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _spread(seeds: list[int], number: int) -> list[int]:
    """Return one seed per image, even if one seed serves all."""
    return seeds * number if len(seeds) == 1 else seeds
