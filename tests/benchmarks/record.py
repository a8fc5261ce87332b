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


def assert_agree(first: Record, second: Record, *, share: float = 0.99) -> None:
    """Fail unless both ways computed the same, up to float32 and ties.

    Args:
        first, second: the records.
        share: of the images whose directions agree; peers floor small gradients.
    """
    inner = (first.direction * second.direction).flatten(2).sum(2)
    same = inner > 1 - 1e-4
    assert float(same.float().mean()) >= share, float(same.float().mean())
    for name in ("condition", "correct"):
        agree = (getattr(first, name) == getattr(second, name)).float().mean()
        assert float(agree) >= share, f"{name}: {float(agree)}"
    for name in ("radius", "cosine"):
        close = torch.isclose(
            getattr(first, name).double(), getattr(second, name).double(), rtol=0.01, atol=1e-3
        )
        assert float(close[same].float().mean()) >= share, f"{name}: {close.float().mean()}"
