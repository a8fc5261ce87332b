r"""torch's random operations, each as a function of a standard draw.

``normal_(mean, std)`` is $\mu + \sigma z$ of a standard normal z, ``bernoulli(p)`` is $u < p$ of a
uniform u, and so on: the draw depends on nothing, whatever its scale depends on. What has no such
form is drawn by the operation itself, if its arguments are constants.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

Arguments = Mapping[str, Any]
Shape = tuple[int, ...]

# Carry the tag of random operations, and draw nothing that reaches a value.
DETERMINISTIC = {"_fused_sdp_choice", "_cudnn_init_dropout_state"}


@dataclass(frozen=True)
class Law:
    """The distribution of a standard draw.

    Attributes:
        name: ``normal``, ``uniform``, ``bernoulli``, ``exponential``, ``cauchy``; or ``other``:
            what the operation itself draws.
        p: the probability of 1, of ``bernoulli``.
    """

    name: str
    p: float = 0.0


@dataclass(frozen=True)
class Operation:
    """A random operation.

    Attributes:
        law: of its standard draw, given its arguments.
        value: its result, given the arguments and the standard draw.
        shape: of the standard draw, given the arguments; by default that of the result.
    """

    law: Callable[[Arguments], Law]
    value: Callable[[Arguments, Tensor], Any]
    shape: Callable[[Arguments], Shape] | None = None


def bound(function: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
    """Return an operation's arguments by name, with its defaults."""
    named = {}
    for position, argument in enumerate(function._schema.arguments):
        if position < len(args):
            named[argument.name] = args[position]
        elif argument.name in kwargs:
            named[argument.name] = kwargs[argument.name]
        elif argument.has_default_value():
            named[argument.name] = argument.default_value
    return named


@functools.cache
def may_be_random(function: OpOverload) -> bool:
    """Return whether an operation draws random numbers with some arguments."""
    tagged = torch.Tag.nondeterministic_seeded in function.tags
    return tagged and base(function) not in DETERMINISTIC


def is_random(function: OpOverload, arguments: Arguments) -> bool:
    """Return whether an operation draws random numbers with these arguments.

    Example:
        >>> is_random(torch.ops.aten.randn.default, {"size": [2]})
        True
        >>> is_random(torch.ops.aten.native_dropout.default, {"p": 0.5, "train": False})
        False
    """
    if not may_be_random(function):
        return False
    switched_off = (
        arguments.get("dropout_p", 1) == 0
        or arguments.get("dropout", 1) == 0
        or arguments.get("train", True) is False
        or arguments.get("training", True) is False
    )
    return not switched_off


def base(function: OpOverload) -> str:
    """Return an operation's name, the same in place or not.

    Example:
        >>> base(torch.ops.aten.normal_.default), base(torch.ops.aten.normal.Tensor_float)
        ('normal', 'normal')
    """
    return str(function._schema.name).partition("::")[2].removesuffix("_")


def _chance(a: Arguments) -> Any:
    """The probability of ones: a number, or a tensor of them."""
    return a["p"] if "p" in a else a["self"]


def _bernoulli_law(a: Arguments) -> Law:
    chance = _chance(a)
    return Law("uniform") if isinstance(chance, Tensor) else Law("bernoulli", float(chance))


def _bernoulli(a: Arguments, z: Tensor) -> Tensor:
    chance = _chance(a)
    return (z < chance).to(a["self"].dtype) if isinstance(chance, Tensor) else z


def _native_dropout(a: Arguments, z: Tensor) -> tuple[Tensor, Tensor]:
    scale = 0.0 if a["p"] == 1 else 1 / (1 - a["p"])
    dropped: Tensor = a["input"] * (z * scale)
    return dropped, z.to(torch.bool)


def _normal(a: Arguments, z: Tensor) -> Tensor:
    mean, std = a.get("mean", 0.0), a.get("std", 1.0)
    if isinstance(mean, float) and isinstance(std, float) and (mean, std) == (0, 1):
        return z
    scaled: Tensor = mean + z * std
    return scaled


def _uniform(a: Arguments, z: Tensor) -> Tensor:
    low, high = a.get("from", 0.0), a.get("to", 1.0)
    return z if (low, high) == (0.0, 1.0) else low + z * (high - low)


def _geometric(a: Arguments, z: Tensor) -> Tensor:
    return torch.ceil(torch.log1p(-z) / torch.log1p(torch.tensor(-a["p"]))).clamp(min=1)


def _multinomial_shape(a: Arguments) -> Shape:
    return (*a["self"].shape, a["num_samples"]) if _repeated(a) else tuple(a["self"].shape)


def _repeated(a: Arguments) -> bool:
    return bool(a["replacement"]) and a["num_samples"] > 1


def _multinomial(a: Arguments, z: Tensor) -> Tensor:
    """Race exponential clocks of the classes' rates; the first to ring are drawn."""
    chances = a["self"]
    if _repeated(a):
        first: Tensor = (z / chances.unsqueeze(-1)).argmin(-2)
    else:
        first = (z / chances).topk(a["num_samples"], dim=-1, largest=False).indices
    return first


def _rrelu(a: Arguments, z: Tensor) -> Tensor:
    slope = a["lower"] + z * (a["upper"] - a["lower"])
    a["noise"].copy_(torch.where(a["self"] <= 0, slope, 1.0))
    product: Tensor = a["self"] * a["noise"]
    return product


def _constant(name: str) -> Callable[[Arguments], Law]:
    return lambda a: Law(name)


NORMAL = Operation(_constant("normal"), _normal)
UNIFORM = Operation(_constant("uniform"), _uniform)

OPERATIONS = {
    "bernoulli": Operation(_bernoulli_law, _bernoulli),
    "native_dropout": Operation(
        lambda a: Law("bernoulli", 1 - a["p"]),
        _native_dropout,
        lambda a: tuple(a["input"].shape),
    ),
    "rand": UNIFORM,
    "rand_like": UNIFORM,
    "uniform": UNIFORM,
    "randn": NORMAL,
    "randn_like": NORMAL,
    "normal": NORMAL,
    "normal_functional": NORMAL,
    "log_normal": Operation(_constant("normal"), lambda a, z: _normal(a, z).exp()),
    "exponential": Operation(_constant("exponential"), lambda a, z: z / a["lambd"]),
    "cauchy": Operation(_constant("cauchy"), lambda a, z: a["median"] + a["sigma"] * z),
    "geometric": Operation(_constant("uniform"), _geometric),
    "multinomial": Operation(_constant("exponential"), _multinomial, _multinomial_shape),
    "rrelu_with_noise": Operation(_constant("uniform"), _rrelu, lambda a: tuple(a["self"].shape)),
}
