"""Where randomness comes from: one root seed, and a stream of its own for every purpose."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from pyrosnn.errors import require


def seed_sequence(seed: int, purpose: str, *index: int) -> np.random.SeedSequence:
    """Return the seed sequence of one purpose, for example ``("attack", repeat, block)``.

    Different purposes and different indices give independent streams (numpy's spawn keys).

    Args:
        seed: root seed, a non-negative integer.
        purpose: name of the stream.
        index: counters within the stream.

    Raises:
        ArgumentError: ``seed must be an integer >= 0, got -1``.
    """
    require(seed >= 0, f"seed must be an integer >= 0, got {seed}")
    key = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4], "little")
    return np.random.SeedSequence(seed, spawn_key=(key, *index))


def torch_seed(seed: int, purpose: str, *index: int) -> int:
    """Return a 64-bit seed for torch from :func:`seed_sequence`.

    Example:
        >>> torch_seed(0, "attack", 1) == torch_seed(0, "attack", 1)
        True
        >>> torch_seed(0, "attack", 1) == torch_seed(0, "inference", 1)
        False
    """
    return int(seed_sequence(seed, purpose, *index).generate_state(1, np.uint64)[0])


@contextmanager
def forked_rng(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed torch's global generators within the block and put their state back after it."""
    cuda = [device] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        yield
