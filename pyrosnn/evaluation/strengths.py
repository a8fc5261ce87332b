"""Strengths in the pixels' unit: 8 / 255 on pixels to 255, and 8 on pixels to 1, are neither."""

import warnings
from collections.abc import Sequence

import torch

from pyrosnn.attacks import Attack
from pyrosnn.errors import PyrosnnWarning
from pyrosnn.shapes import Images

# Shares of the distance between the extreme images: below and above them no paper has a strength.
SMALLEST, LARGEST = 1e-4, 1.0
# Of linf the smallest in use is 0.5 / 255; in l1 few pixels are enough, however many there are.
SMALLEST_OF = {"linf": 5e-4, "l1": 1e-5}


def warn_of_strengths(x: Images, strengths: Sequence[float], attack: Attack) -> None:
    """Warn where all strengths are tiny, or all more than any two images are apart.

    Args:
        x: images.
        strengths: η's.
        attack: whose norm bounds them; one that minimises the norm may have any.
    """
    positive = [strength for strength in strengths if strength > 0]
    low, high = (float(end) for end in x.aminmax())
    if not positive or low == high or attack.minimises_norm:
        return
    apart = float(attack.norms[attack.norm].measure(torch.full_like(x[:1], high - low)))
    smallest = SMALLEST_OF.get(attack.norm, SMALLEST)
    if min(positive) > LARGEST * apart:
        what, share = "more than any two such images can be apart", min(positive)
    elif max(positive) < smallest * apart:
        what, share = "nearly nothing", max(positive)
    else:
        return
    warnings.warn(
        f"a strength of {share:.3g} in {attack.norm} is {what} (pixels go from {low:.3g} to "
        f"{high:.3g}, extreme images are {apart:.3g} apart); give it in the unit of the pixels",
        PyrosnnWarning,
        stacklevel=5,  # of the caller of evaluate(), through its two decorators,
    )
