"""How much memory an image needs, measured in a trial instead of counted by hand."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyro
import torch
from pyro import poutine
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pyrosnn.seeding import forked_rng, seed_sequence

if TYPE_CHECKING:
    from pyrosnn.models.classifier import StochasticClassifier


class CountFloats(TorchDispatchMode):
    """Counts the numbers of all tensors that operations make; views are not made."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run the operation and count what it returns, but for views of what it was given."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        given = {_place(value) for value in _tensors((args, tuple(kwargs.values())))}
        self.count += sum(v.numel() for v in _tensors(result) if _place(v) not in given)
        return result


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    return [t for part in value for t in _tensors(part)] if isinstance(value, tuple | list) else []


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def measured_floats(classifier: "StochasticClassifier") -> tuple[int, int]:
    """Return how many floats one image makes in one sample after the trunk, and in the trunk.

    Counted for two images and for three: what does not depend on images, such as values of
    weights, is the same in both and cancels.

    Args:
        classifier: the classifier.
    """
    with torch.no_grad(), forked_rng(seed_sequence(0, "measure"), classifier.device):
        trunk = classifier.trunk()
        counts = {number: _counts(classifier, number, trunk) for number in (2, 3)}
    after, before = (max(1, counts[3][i] - counts[2][i]) for i in (0, 1))
    return after, before


def _counts(
    classifier: "StochasticClassifier", number: int, trunk: Callable[[Tensor], Tensor] | None
) -> tuple[int, int]:
    shape = (number, *classifier.image_shape)
    x = torch.full(shape, 0.5, dtype=classifier.dtype, device=classifier.device)
    sites = one_sample(classifier, x)
    with CountFloats() as in_trunk:
        values = x if trunk is None else trunk(x)
    with CountFloats() as after:
        parts = classifier.parts(sites)
        parts.rest(parts.first(values))
    return after.count, in_trunk.count


def one_sample(classifier: "StochasticClassifier", x: Tensor) -> dict[str, Tensor]:
    """Draw one sample from the guide, with the axes (sample, example or 1, *event)."""
    from pyrosnn.models.axes import with_axes

    with pyro.validation_enabled(False):
        trace: Any = poutine.trace(classifier.guide).get_trace(x)
    nodes = {
        name: node
        for name, node in trace.nodes.items()
        if node["type"] == "sample" and type(node["fn"]).__name__ != "_Subsample"
    }
    drawn = {name: node["value"] for name, node in nodes.items()}
    sites, _ = with_axes(drawn, {name: node["fn"].event_dim for name, node in nodes.items()})
    return {
        name: v.to(classifier.dtype) if v.is_floating_point() else v for name, v in sites.items()
    }
