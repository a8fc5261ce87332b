"""A trial run of a module, which finds its places and its faults."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from pyrosnn.errors import ArgumentError, first_line, require
from pyrosnn.networks.edited import every_submodule_is_called
from pyrosnn.networks.network import Place

Calls = dict[str, list[tuple[int, ...] | None]]  # shapes of what each part returned, by name
TOLERANCE = 1e-3  # other batches give other rounding


@dataclass(frozen=True, kw_only=True)
class Found:
    """The result of a module's trial run.

    Attributes:
        places: submodules that noise can be put at, in the order of evaluation.
        others: why the others are none.
        num_classes: number of classes.
    """

    places: dict[str, Place]
    others: dict[str, str]
    num_classes: int


def try_module(module: torch.nn.Module, image_shape: tuple[int, ...]) -> Found:
    """Run a module in evaluation mode on two and on three images.

    Args:
        module: returns logits.
        image_shape: shape of one image.

    Raises:
        ArgumentError: for a module that does not take such images, returns no logits, or whose
            logits of an image depend on the others.
    """
    require_running_statistics(module)
    like = next(module.parameters(), torch.empty(0))
    number = 3 * torch.Size(image_shape).numel()
    pixels = torch.linspace(0, 1, number, dtype=like.dtype, device=like.device)
    x = pixels.reshape(3, *image_shape)
    named = {name: part for name, part in module.named_modules() if name}
    (two, first), (three, second) = _run(module, named, x[:2]), _run(module, named, x)
    if first.device.type != "meta":
        change = (second[:2] - first).abs().max() / second.abs().max().clamp(min=1e-30)
        require(
            float(change) <= TOLERANCE,
            f"the logits of an image change by {float(change):.2g} of the largest with the other "
            "images of its batch; normalise by running statistics",
        )
    others = {name: not_a_place(two.get(name, []), three.get(name, [])) for name in named}
    places = {}
    for name, shapes in two.items():  # in the order of evaluation
        if others[name] is None and shapes[0] is not None:
            matrix = matrix_shape(named[name])
            bias = matrix is not None and named[name].bias is not None
            places[name] = Place(shapes[0][1:], matrix, bias)
    reasons = {name: reason for name, reason in others.items() if reason is not None}
    return Found(places=places, others=reasons, num_classes=first.shape[1])


def _run(
    module: torch.nn.Module, named: dict[str, torch.nn.Module], x: Tensor
) -> tuple[Calls, Tensor]:
    """Run the module; return the calls of each part, and the logits."""
    calls: Calls = {}

    def see(name: str) -> Callable[[Any, Any, Any], None]:
        def hook(part: Any, inputs: Any, output: Any) -> None:
            shape = tuple(output.shape) if isinstance(output, Tensor) else None
            calls.setdefault(name, []).append(shape)

        return hook

    handles = [part.register_forward_hook(see(name)) for name, part in named.items()]
    try:
        with torch.no_grad(), every_submodule_is_called():
            logits = module(x.clone())
    except Exception as error:
        raise ArgumentError(
            f"the module cannot be evaluated on images of shape {tuple(x.shape)} "
            f"({type(error).__name__}: {first_line(error)}); image_shape is that of one image"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    require(
        isinstance(logits, Tensor) and logits.ndim == 2 and logits.shape[1] >= 2,
        "the module must return logits of shape (example, class) with at least two classes",
    )
    return calls, logits


def matrix_shape(part: torch.nn.Module) -> tuple[int, int] | None:
    """Return the shape of a layer's weights as a matrix, if noise can be put on them.

    A subclass that computes something else of its weights is not among them.
    """
    usual = {torch.nn.Linear: torch.nn.Linear.forward, torch.nn.Conv2d: torch.nn.Conv2d.forward}
    kind = next((kind for kind in usual if isinstance(part, kind)), None)
    if kind is None or type(part).forward is not usual[kind] or "forward" in part.__dict__:
        return None
    if isinstance(part, torch.nn.Conv2d) and (
        part.padding_mode != "zeros"
        or type(part)._conv_forward is not torch.nn.Conv2d._conv_forward
    ):
        return None
    weights: Any = part.weight
    return (weights[0].numel() + (part.bias is not None), len(weights))


def is_shape(value: Any) -> bool:
    """Return whether a value is a shape of positive integers."""
    return isinstance(value, Sequence) and all(isinstance(n, int) and n >= 1 for n in value)


def not_a_place(
    two: Sequence[tuple[int, ...] | None], three: Sequence[tuple[int, ...] | None]
) -> str | None:
    """Return why a submodule is no place, or None if it is one.

    Args:
        two: shapes of what its calls returned for two images.
        three: the same for three.

    Example:
        >>> not_a_place([(2, 5)], [(3, 5)])
        >>> not_a_place([(2, 5), (2, 5)], [(3, 5), (3, 5)])
        'a forward pass calls it 2 times'
        >>> not_a_place([(7, 2, 5)], [(7, 3, 5)])
        'what it returns does not begin with the axis of images'
    """
    if len(two) != 1 or len(three) != 1:
        return f"a forward pass calls it {len(two)} times"
    first, second = two[0], three[0]
    if first is None or second is None:
        return "it returns no tensor"
    if first[:1] != (2,) or second[:1] != (3,) or first[1:] != second[1:]:
        return "what it returns does not begin with the axis of images"
    return None


def require_running_statistics(module: torch.nn.Module) -> None:
    """Refuse batch norm that normalises by the batch even in evaluation mode.

    Raises:
        ArgumentError: naming the module.
    """
    for name, part in module.named_modules():
        require(
            not isinstance(part, _BatchNorm) or part.running_mean is not None,
            f"batch norm '{name}' has no running statistics: outputs would depend on the other "
            "images of a batch; use track_running_stats=True",
        )
