"""The part of a Pyro model below its random layers, which all samples share."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyrosnn.adapters.fixed_sites import FixedSites

TOLERANCE = 1e-4  # of rounding


@dataclass(frozen=True)
class LastPart:
    """The module that a model ends with, which has all of its sample sites.

    Attributes:
        module: takes the features, shape (example, …), and returns logits.
        normalised: whether the model's logits are log-probabilities, as a Categorical's are.
        num_axes: of its input.
    """

    module: torch.nn.Module
    normalised: bool
    num_axes: int

    def __call__(self, features: Tensor) -> Tensor:
        """Return logits, given the features of one sample."""
        logits: Tensor = self.module(features)
        return logits.log_softmax(-1) if self.normalised else logits

    def input_of(self, model: Callable[[], Any]) -> Tensor:
        """Return the features that the module gets, without running it.

        Args:
            model: runs the model.
        """
        inputs: list[Tensor] = []

        def stop(_: torch.nn.Module, args: tuple[Tensor, ...]) -> None:
            inputs.append(args[0])
            raise _Reached

        hook = self.module.register_forward_pre_hook(stop)
        try:
            model()
        except _Reached:
            return inputs[0]
        finally:
            hook.remove()
        raise AssertionError("the model's last part was not called")


class _Reached(Exception):
    """The last part of a model was reached."""


@dataclass
class _Call:
    module: torch.nn.Module
    args: tuple[Any, ...]
    met_before: int
    met: frozenset[str] = frozenset()
    returned: Any = None


@contextmanager
def _recorded(modules: Sequence[torch.nn.Module], fixed: FixedSites) -> Iterator[list[_Call]]:
    """Record the calls of modules, in the order in which they begin, with the sites met."""
    calls: list[_Call] = []
    running: list[_Call] = []

    def begin(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        running.append(_Call(module, () if kwargs else args, len(fixed.met)))
        calls.append(running[-1])

    def end(module: torch.nn.Module, args: tuple[Any, ...], returned: Any) -> None:
        call = running.pop()
        call.met, call.returned = frozenset(list(fixed.met)[call.met_before :]), returned

    hooks: list[Any] = []
    for module in modules:
        hooks.append(module.register_forward_pre_hook(begin, with_kwargs=True))
        hooks.append(module.register_forward_hook(end))
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def find_last_part(
    model: Callable[[FixedSites], Tensor],
    modules: Sequence[torch.nn.Module],
    x: Tensor,
    fixed: FixedSites,
    sites: Collection[str],
) -> LastPart | None:
    """Return the last part of a model, None if it has no such part.

    It is called once, has all sample sites, and returns the logits; what is below it then is the
    same for all samples.

    Args:
        model: evaluates the images under ``fixed``.
        modules: of the model.
        x: the images.
        fixed: gives the sites their values.
        sites: their names.
    """
    with _recorded(modules, fixed) as calls:
        logits = model(fixed)
    for call in reversed(calls):  # the innermost first
        once = sum(other.module is call.module for other in calls) == 1
        plain = len(call.args) == 1 and isinstance(call.args[0], Tensor)
        if not (once and plain) or call.met_before > 0 or not call.met.issuperset(sites):
            continue
        features, returned = call.args[0], call.returned
        if features is x or len(features) != len(x) or not isinstance(returned, Tensor):
            continue
        for normalised in (False, True):
            part = LastPart(call.module, normalised, features.ndim)
            own = returned.log_softmax(-1) if normalised else returned
            scale = TOLERANCE * float(logits.abs().max())
            if own.shape == logits.shape and torch.allclose(own, logits, TOLERANCE, scale):
                return part
    return None
