"""The full record of a block of images, and what two ways of computing it must agree on."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Record:
    """Attack directions, conditions and accuracy; the axes are S_A, then strength, then image.

    Attributes:
        direction: unit direction of the attack, shape (size, example, *image).
        radius: smallest r̃_c, shape (size, example).
        cosine: of the angle between δ and the nearest class's margin gradient.
        condition: the linear condition, shape (size, strength, example).
        correct: whether the attacked image is classified correctly.
    """

    direction: Tensor
    radius: Tensor
    cosine: Tensor
    condition: Tensor
    correct: Tensor


def length(v: Tensor) -> Tensor:
    """Return each image's Euclidean length."""
    lengths: Tensor = torch.linalg.vector_norm(v.flatten(1), dim=1)
    return lengths


def assert_agree(found: Record, exact: Record, *, share: float = 0.99) -> float:
    """Fail unless a record is the exact one, up to float32 and ties.

    Args:
        found: the record.
        exact: the loop by hand in float64.
        share: of the images whose attack has the exact direction: within 0.8 degrees. In float32
            the direction is lost where the softmax saturates, unless it is computed with care.

    Returns:
        That share. Where the direction is right, at least 0.99 of all else is.
    """
    inner = (found.direction.double() * exact.direction).flatten(2).sum(2)
    same = inner > 1 - 1e-4
    reached = float(same.double().mean())
    assert reached >= share, f"direction: {reached}"
    for name in ("condition", "correct"):
        agree = (getattr(found, name) == getattr(exact, name)).transpose(1, 2)[same]
        assert float(agree.double().mean()) >= 0.99, f"{name}: {float(agree.double().mean())}"
    for name in ("radius", "cosine"):
        values = getattr(found, name).double(), getattr(exact, name)
        close = torch.isclose(*values, rtol=0.01, atol=1e-3)[same]
        assert float(close.double().mean()) >= 0.99, f"{name}: {float(close.double().mean())}"
    return reached
