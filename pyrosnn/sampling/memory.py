"""The memory budget of an evaluation, and its shares.

A quarter of the budget each may go to A, to I, to the autograd graphs that an attack keeps
between its two passes, and to the chunk of samples that is evaluated at once.
"""

import torch

from pyrosnn.errors import require

# Bytes that one evaluation may take beside the classifier and the images.
MEMORY_BUDGET = 2**30

# Bytes of activations of a chunk. On a CPU, passes over more than its caches hold wait for
# memory, and much less leaves cores without work. A GPU wants it large.
CHUNK_BYTES = {"cpu": 10 * 2**20, "cuda": 2**29}


def require_budget(budget: int) -> None:
    """Refuse a budget that is not positive.

    Raises:
        ArgumentError: ``memory_budget must be >= 1 byte, got 0``.
    """
    require(budget >= 1, f"memory_budget must be >= 1 byte, got {budget}")


def quarter(budget: int) -> int:
    """Return the bytes of one share of a budget."""
    return budget // 4


def chunk_size(budget: int, sample_bytes: int, device: torch.device) -> int:
    """Return the number of samples to evaluate at once: at least one, whatever the budget.

    It is a power of two, which threads can share evenly.

    Args:
        budget: the memory budget.
        sample_bytes: activations of one sample on all images.
        device: where they are evaluated.
    """
    fastest = CHUNK_BYTES.get(device.type, CHUNK_BYTES["cuda"])
    fitting = max(1, min(fastest, quarter(budget)) // sample_bytes)
    return 1 << (fitting.bit_length() - 1)
