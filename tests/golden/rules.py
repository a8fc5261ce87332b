"""When a value is the golden one.

*Bits* (samples; the losses of a training): bit for bit, compared by digest, where the arithmetic is
that of the golden files: the same ``torch.__version__``, ``torch.backends.cpu``'s capability,
number of threads (one) and digest of a few products, convolutions and draws
(:func:`environment`). Anywhere, a few of their numbers agree to a relative 1e-5, and shapes and
types are the same. The two are tests of their own: a sum in another order fails the first alone.

*Rounded* (all else): numbers to a relative 1e-4, or to 1e-6 times the largest number of their
array; NaN and infinity where they were. Booleans, integers, shapes, types and dimensions are the
same. No boolean or integer is within rounding of its threshold, and no gradient of a kink:
``golden.make`` computes the cases again on images whose last digits are changed, and refuses to
write what moves. What a trained network says is held to ten times as much, and to 300 times after
the first steps of a residual network, which amplify rounding: their losses are the strict part.

*Checkpoints* are files of the version that wrote them, and are never written again. Every setting
in their headers has its value still (further settings may come), and so have the names, digests
and the accuracy.

*Tables* (``pyrosnn summary`` of the results in the documentation) are the same to the character.
"""

import hashlib
from typing import Any

import numpy as np
import torch

Bits = dict[str, Any]

BITS_TOLERANCE = 1e-5
TOLERANCE, SHARE_OF_LARGEST = 1e-4, 1e-6
SHOWN = 8  # numbers of an array of bits that are kept as such


def environment() -> dict[str, Any]:
    """Return what decides the last digit of a result."""
    return {
        "torch": torch.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "arithmetic": _arithmetic(),
    }


def _arithmetic() -> str:
    """Return the digest of a draw, products, a convolution and their derivatives."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = torch.randn(50, 1, 8, 8, requires_grad=True)
        weight, filters = torch.randn(64, 16), torch.randn(16, 1, 3, 3)
    products = (x.flatten(1) @ weight).log_softmax(-1)
    maps = torch.nn.functional.conv2d(x, filters, padding=1).tanh()
    (products.exp().sum(0).square().sum() + maps.square().mean()).backward()
    assert x.grad is not None
    sha = hashlib.sha256()
    for tensor in (x, products, maps, x.grad):
        sha.update(tensor.detach().contiguous().numpy().tobytes())
    return sha.hexdigest()


def bits(values: np.ndarray) -> Bits:
    """Return what is kept of an array that repeats bit for bit."""
    flat = values.reshape(-1)
    chosen = flat[np.linspace(0, len(flat) - 1, min(SHOWN, len(flat))).astype(int)]
    return {
        "shape": list(values.shape),
        "dtype": str(values.dtype),
        "sha256": hashlib.sha256(values.tobytes()).hexdigest(),
        "some": chosen.tolist(),
    }


def bits_near(golden: Bits, found: Bits) -> str | None:
    """Return how an array of bits differs beyond rounding, if it does."""
    for key in ("shape", "dtype"):
        if golden[key] != found[key]:
            return f"{key} {found[key]}, was {golden[key]}"
    return rounded_near(np.array(golden["some"]), np.array(found["some"]), BITS_TOLERANCE)


def rounded_near(
    golden: np.ndarray, found: np.ndarray, tolerance: float = TOLERANCE, *, slack: float = 1.0
) -> str | None:
    """Return how an array differs beyond rounding, or some times that, if it does."""
    if golden.shape != found.shape or golden.dtype != found.dtype:
        return f"{found.dtype} {found.shape}, was {golden.dtype} {golden.shape}"
    if golden.dtype.kind != "f":
        near = golden == found
    else:
        finite = np.abs(golden[np.isfinite(golden)])
        least = SHARE_OF_LARGEST * (finite.max() if finite.size else 0.0)
        near = np.isclose(found, golden, rtol=slack * tolerance, atol=slack * least, equal_nan=True)
    if near.all():
        return None
    first = tuple(int(i) for i in np.argwhere(~near)[0])
    return (
        f"{int((~near).sum())} of {near.size} differ; at {first} {found[first]!s}, "
        f"was {golden[first]!s}"
    )
