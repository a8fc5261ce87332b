"""The axes of sample sites: what Pyro draws, with the axes of samples and of images."""

from collections.abc import Mapping
from typing import Any

from pyro.poutine.messenger import Messenger
from torch import Tensor


class EventDims(Messenger):
    """Notes, within it, how many axes one value of each sample site has.

    Attributes:
        found: numbers of axes by site.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, int] = {}

    def _pyro_post_sample(self, message: Any) -> None:
        self.found[message["name"]] = message["fn"].event_dim


def with_axes(
    drawn: Mapping[str, Tensor], event_dims: Mapping[str, int]
) -> tuple[dict[str, Tensor], bool]:
    """Return values with the axes (sample, example or 1, *event).

    Args:
        drawn: values as Pyro draws them: one sample has no axis of samples, and what all images
            share has no axis of images then.
        event_dims: numbers of axes of one value, by site.

    Returns:
        The values, and whether they are one sample.
    """
    axes = {name: value.ndim - event_dims[name] for name, value in drawn.items()}
    one = max(axes.values()) < 2
    missing = {name: value[(None,) * (2 - axes[name])] for name, value in drawn.items()}
    return missing, one
