"""The logits in what a module returns: tuples, dictionaries, one logit, probabilities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyrosnn.errors import ArgumentError, require

# What the numbers are, where they are no logits.
KINDS = ("logits", "probs")


@dataclass(frozen=True)
class Returned:
    """How logits follow from what a module returns.

    Attributes:
        part: key or index of the tensor in a dictionary or tuple; None for a tensor.
        kind: ``logits``, or ``probs`` for probabilities and votes, whose logarithms are taken.
    """

    part: Any = None
    kind: str = "logits"

    def logits(self, returned: Any, number: int) -> Tensor:
        """Return logits, shape (example, class).

        Args:
            returned: by the module, for a batch.
            number: how many images were in the batch.

        Raises:
            ArgumentError: for anything else than one row for each image.
        """
        rows = self.rows(returned)
        shape = tuple(rows.shape)
        repeated = rows.ndim == 3 or (rows.ndim == 2 and shape[0] % number == 0)
        require(
            rows.ndim == 2 and shape[0] == number,
            f"the module returns {shape} for {number} images, expected logits of shape ({number}, "
            "classes)"
            + ("; if it draws several samples itself, wrap the module within it" * repeated),
        )
        return rows

    def rows(self, returned: Any) -> Tensor:
        """Return logits, whatever the number of rows.

        Args:
            returned: by the module, for a batch.
        """
        tensor = returned if self.part is None else _item(returned, self.part)
        if not isinstance(tensor, Tensor):
            raise ArgumentError(
                f"the module returned a {type(tensor).__name__}, expected a tensor of logits, "
                "shape (example, class)"
            )
        one = tensor.ndim == 1 or (tensor.ndim == 2 and tensor.shape[1] == 1)
        if not tensor.is_floating_point():
            require(
                self.kind == "probs" and not one,
                f"the module returned {tensor.dtype}, expected logits in floating point; make "
                "votes of classes (torch.nn.functional.one_hot), and say returns='probs'",
            )
            tensor = tensor.to(torch.get_default_dtype())
        if one:  # of the second of two classes
            tensor = tensor.reshape(-1, 1)
            rest = torch.zeros_like(tensor) if self.kind == "logits" else 1 - tensor
            tensor = torch.cat([rest, tensor], dim=-1)
        if self.kind == "probs":
            # the smallest number whose logarithm is finite, for votes are 0 and 1
            tensor = tensor.clamp_min(torch.finfo(tensor.dtype).tiny).log()
        return tensor


def find_returned(returned: Any, number: int, kind: str, part: Any = None) -> Returned:
    """Return where the logits are.

    Args:
        returned: by the module, for a batch.
        number: how many images were in the batch.
        kind: a name in ``KINDS``.
        part: key or index of the tensor, None to find it.

    Raises:
        ArgumentError: for no tensor of logits, or several.
    """
    require(kind in KINDS, f"returns must be one of {', '.join(KINDS)}, got '{kind}'")
    if part is not None:
        try:
            _item(returned, part)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ArgumentError(
                f"the module returned a {type(returned).__name__}{_parts(returned)}, which has no "
                f"part {part!r}"
            ) from error
        return Returned(part, kind)
    if isinstance(returned, Tensor):
        return Returned(None, kind)
    items = _items(returned)
    if "logits" in items:
        return Returned("logits", kind)
    like = [key for key, value in items.items() if _like_logits(value, number)]
    if len(like) == 1:
        return Returned(like[0], kind)
    raise ArgumentError(
        f"the module returned a {type(returned).__name__}{_parts(returned)}, expected a tensor of "
        "logits, shape (example, class); name the part that holds them: part=…"
        if items
        else f"the module returned a {type(returned).__name__}, expected a tensor of logits, shape "
        "(example, class)"
    )


def _items(returned: Any) -> dict[Any, Any]:
    if isinstance(returned, Mapping):
        return dict(returned)
    if isinstance(returned, tuple | list):
        names = getattr(returned, "_fields", range(len(returned)))
        return dict(zip(names, returned, strict=True))
    if hasattr(returned, "__dict__"):  # a data class of outputs
        return {name: value for name, value in vars(returned).items() if value is not None}
    return {}


def _item(returned: Any, part: Any) -> Any:
    items = _items(returned)
    return items[part] if part in items else returned[part]


def _parts(returned: Any) -> str:
    items = _items(returned)
    shapes = [
        f"{key}: {tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__}"
        for key, value in items.items()
    ]
    return f" ({', '.join(shapes[:6])})" if shapes else ""


def _like_logits(value: Any, number: int) -> bool:
    return (
        isinstance(value, Tensor)
        and value.is_floating_point()
        and value.ndim == 2
        and value.shape[0] == number
        and value.shape[1] >= 2
    )
