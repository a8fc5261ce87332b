"""The memory that an image needs, measured in a trial instead of counted by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class CountFloats(TorchDispatchMode):
    """A dispatch mode that counts the numbers in all new tensors; views are not new."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch.compile, which takes seconds to import, never meets this mode

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run the operation and count its results, except views of its arguments."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        inputs = {_place(value) for value in _tensors((args, tuple(kwargs.values())))}
        self.count += sum(v.numel() for v in _tensors(result) if _place(v) not in inputs)
        return result


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    return [t for part in value for t in _tensors(part)] if isinstance(value, tuple | list) else []


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Numbers of floats per image.

    Attributes:
        samples: in one sample, after the trunk.
        trunk: in the trunk, whatever the number of samples; 0 without one.
    """

    samples: int
    trunk: int


def floats_of_an_image(run: Callable[[Tensor], Any], three: Tensor) -> int:
    """Return the number of floats that a function allocates per image, at least 1.

    Counted for two images and for three: what does not depend on images, such as values of
    weights, is the same in both and cancels.

    Args:
        run: takes images, shape (example, *image).
        three: three images.

    Example:
        >>> import torch
        >>> floats_of_an_image(lambda x: (2 * x).sum(1), torch.zeros(3, 5))
        6
    """
    counts: list[int] = []
    for x in (three[:2], three):
        with CountFloats() as counter:
            run(x)
        counts.append(counter.count)
    return max(1, counts[1] - counts[0])
