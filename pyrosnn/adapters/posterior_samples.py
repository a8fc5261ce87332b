"""Samples of a posterior by name, as MCMC returns them: from torch, Pyro, NumPyro or numpy."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyro
import torch
from pyro.distributions import Delta
from torch import Tensor

from pyrosnn.errors import ArgumentError, first_line, require

MODULE_PREFIXES = (".", "$$$")  # a name within a module begins after one of these


def as_tensor(name: str, value: Any) -> Tensor:
    """Return an array of any library as a tensor; a copy unless it is one.

    Args:
        name: for the error.
        value: a tensor, or what has ``__array__`` or ``__dlpack__``.

    Raises:
        ArgumentError: for anything else.

    Example:
        >>> as_tensor("w", np.ones(2))
        tensor([1., 1.], dtype=torch.float64)
    """
    if isinstance(value, Tensor):
        return value.detach()
    try:
        return torch.as_tensor(np.array(value))
    except (TypeError, ValueError, RuntimeError) as error:  # on a device, or in bfloat16
        if hasattr(value, "__dlpack__"):
            shared: Tensor = torch.utils.dlpack.from_dlpack(value)
            return shared.clone()
        raise ArgumentError(
            f"the samples of '{name}' are a {type(value).__name__} ({first_line(error)}), "
            "expected an array of shape (sample, …)"
        ) from error


def samples_of(given: Any) -> Any:
    """Return the samples of an MCMC object (Pyro's or NumPyro's), or what was given."""
    return given.get_samples() if hasattr(given, "get_samples") else given


def by_sample(samples: Mapping[str, Any], shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """Return samples with one leading axis; those of several chains follow each other.

    Args:
        samples: arrays by name, shape (sample, …) or (chain, sample, …).
        shapes: of one sample, by name.

    Raises:
        ArgumentError: for a shape that does not fit, other numbers of samples, fewer than two,
            and values that are NaN or infinite.

    Example:
        >>> samples = {"w": np.zeros((2, 5, 3)), "b": np.zeros((2, 5))}
        >>> [tuple(value.shape) for value in by_sample(samples, {"w": (3,), "b": ()}).values()]
        [(10, 3), (10,)]
    """
    found, leading = {}, {}
    for name, shape in shapes.items():
        value, axes = as_tensor(name, samples[name]), len(shape)
        number = value.ndim - axes
        require(
            number in (1, 2) and tuple(value.shape[number:]) == tuple(shape),
            f"the samples of '{name}' have shape {tuple(value.shape)}, expected (sample, "
            f"{', '.join(map(str, shape))})".replace(", )", ")"),
        )
        require(
            bool(torch.isfinite(value).all()),
            f"the samples of '{name}' are NaN or infinite; leave out the draws that diverged",
        )
        leading[name] = tuple(value.shape[:number])
        found[name] = value.flatten(0, number - 1)
    first = next(iter(leading), None)
    for name, axes_of_samples in leading.items():
        require(
            first is None or axes_of_samples == leading[first],
            f"'{name}' has {axes_of_samples} samples, '{first}' has {leading[first or name]}; "
            "expected as many of each",
        )
    number = len(next(iter(found.values()))) if found else 0
    require(number >= 2, f"expected at least two samples of the posterior, got {number}")
    return found


def without_prefix(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return the names as a module has them, by the given ones.

    Names of a wrapper or a program (``module.0.weight``, ``net$$$0.weight``) begin with its own.

    Args:
        names: of samples.
        known: the module's own.

    Example:
        >>> without_prefix(["net.0.weight"], ["0.weight", "0.bias"])
        {'net.0.weight': '0.weight'}
    """
    names, known = list(names), set(known)
    if names and not known.issuperset(names):
        for own in known:
            prefix = names[0].removesuffix(own)
            if prefix != names[0] and prefix.endswith(MODULE_PREFIXES):
                stripped = {name: name.removeprefix(prefix) for name in names}
                if known.issuperset(stripped.values()):
                    return stripped
    return {name: name for name in names}


class PosteriorSamples(torch.nn.Module):
    """A guide that draws one of many samples, all equally likely, with replacement.

    Args:
        values: samples by site, shape (sample, …).
    """

    def __init__(self, values: Mapping[str, Tensor]):
        super().__init__()
        self._names = list(values)
        for number, value in enumerate(values.values()):
            self.register_buffer(f"samples_{number}", value.clone())

    @property
    def values(self) -> dict[str, Tensor]:
        """The samples by site."""
        return {name: self.get_buffer(f"samples_{i}") for i, name in enumerate(self._names)}

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.get_buffer("samples_0"))

    def forward(self, x: Tensor, y: Tensor | None = None) -> None:
        """Draw the sites of one sample."""
        chosen = int(torch.randint(len(self), ()))
        for name, value in self.values.items():
            pyro.sample(name, Delta(value[chosen], event_dim=value.ndim - 1))
