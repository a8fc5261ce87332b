"""The part of a network that no sample changes: evaluated once for all samples of a set."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """A function of the images alone, before the first sample site.

    The network under a last-layer posterior is one, and so are the convolutions before the first
    dropout. Samples share its values, and its derivatives are taken of their sums.

    Attributes:
        function: images of shape (example, *image) to values with as many rows; each image's
            depends on that image alone.
        floats_per_example: how many floats one image needs in it.
    """

    function: Callable[[Tensor], Tensor]
    floats_per_example: int
