"""Where randomness comes from: one root seed, and a stream of its own for every purpose."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

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

    Example:
        >>> first, second = seed_sequence(0, "attack", 1), seed_sequence(0, "inference", 1)
        >>> bool(first.generate_state(1)[0] == second.generate_state(1)[0])
        False
    """
    require(seed >= 0, f"seed must be an integer >= 0, got {seed}")
    require(all(i >= 0 for i in index), f"repeat and block must be >= 0, got {index}")
    key = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4], "little")
    return np.random.SeedSequence(seed, spawn_key=(key, *index))


@contextmanager
def forked_rng(
    sequence: np.random.SeedSequence, device: torch.device | None = None
) -> Iterator[None]:
    """Seed torch's global generators within the block and put their state back after it.

    Args:
        sequence: where the generators' states come from.
        device: the CUDA device whose generator is seeded too; others are not touched.
    """
    cuda = [device] if device is not None and device.type == "cuda" else []
    seed = int(sequence.generate_state(1, np.uint64)[0])
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        torch.set_rng_state(_full_state(sequence))
        for cuda_device in cuda:
            with torch.cuda.device(cuda_device):
                torch.cuda.manual_seed(seed)
        yield


@contextmanager
def forked_numpy_rng(sequence: np.random.SeedSequence) -> Iterator[None]:
    """Seed numpy's global generator within the block and put its state back after it.

    Nothing of pyrosnn uses it; attacks of other libraries do.

    Args:
        sequence: where the generator's state comes from.
    """
    before = np.random.get_state()
    np.random.seed(sequence.generate_state(4))
    try:
        yield
    finally:
        np.random.set_state(before)


@contextmanager
def repeatable(*, exact: bool = False) -> Iterator[None]:
    """Compute convolutions on a GPU the same way every time within the block.

    Left alone, cuDNN may choose algorithms that add in another order at each call. All else that
    pyrosnn computes repeats anyway.

    Args:
        exact: also in float32. torch's default there is TF32, which keeps 10 of the 23 bits.

    Example:
        >>> with repeatable(exact=True):
        ...     torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32
        (True, False)
    """
    wanted = {"deterministic": True, "benchmark": False}
    if exact:
        wanted["allow_tf32"] = False
    before = {name: getattr(torch.backends.cudnn, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(torch.backends.cudnn, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(torch.backends.cudnn, name, value)


# Where torch's serialised CPU generator holds the 624 words of its Mersenne twister.
_STATE_OFFSET, _STATE_WORDS = 24, 624


def _full_state(sequence: np.random.SeedSequence) -> Tensor:
    """Return a state of torch's CPU generator that uses all of the sequence's entropy.

    ``torch.manual_seed`` keeps 32 bits of its argument: among 100,000 seeds some would collide,
    and sample sets that should be independent would share samples. numpy seeds the same
    generator with all its words.
    """
    words = np.random.MT19937(sequence).state["state"]["key"].astype(np.uint64)
    state = torch.get_rng_state()
    state[_STATE_OFFSET : _STATE_OFFSET + 8 * _STATE_WORDS] = torch.from_numpy(words.view(np.uint8))
    return state
