"""A Pyro program run once: its sites, and the parameters that it takes from the store."""

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.nn import PyroModule
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor

from pyrosnn.adapters.fixed_sites import FirstOfPlates, alone
from pyrosnn.errors import ArgumentError, PyrosnnWarning, first_line
from pyrosnn.seeding import forked_rng, seed_sequence

Program = Callable[..., Any]
Nodes = Mapping[str, Any]
Modules = Sequence[torch.nn.Module]

OF_MODULE = "$$$"  # in the store's names of parameters that pyro.module registered


def store_without(modules: Modules) -> Any:
    """Return the state of Pyro's parameter store without the modules' own parameters.

    Those that ``pyro.module`` registered are copied: it may put them into the module.

    Args:
        modules: of the programs.
    """
    own = {
        ".".join(part for part in (module._pyro_name, name) if part).removesuffix("_unconstrained")
        for module in modules
        if isinstance(module, PyroModule)
        for name, _ in module.named_parameters()
    }
    state = pyro.get_param_store().get_state()
    kept = [name for name in state["params"] if name.replace(OF_MODULE, ".") not in own]
    params = {
        name: torch.nn.Parameter(value.detach().clone()) if OF_MODULE in name else value
        for name, value in state["params"].items()
    }
    return {
        "params": {name: params[name] for name in kept},
        "constraints": {name: state["constraints"][name] for name in kept},
    }


def run(program: Program, x: Tensor, state: Any, seed: int = 0) -> Nodes:
    """Run a program once with a fixed seed; return its sites and parameters.

    Args:
        program: model or guide, called with the images.
        x: images.
        state: content of the parameter store.
        seed: seed of the draws.

    Raises:
        ArgumentError: if it cannot be run on them.
    """
    shape = tuple(x.shape)
    with (
        forked_rng(seed_sequence(seed, "pyro-program"), x.device),
        alone(state),
        torch.no_grad(),
        FirstOfPlates() as plates,
    ):
        try:
            trace: Any = poutine.trace(program).get_trace(x)
        except Exception as error:
            if plates.minibatches:
                raise minibatch_error(plates.minibatches, len(x)) from error
            if isinstance(error, RuntimeError | TypeError):
                raise ArgumentError(
                    f"{_name(program)} cannot be called with images of shape {shape} alone "
                    f"({first_line(error)}); labels need a default, y=None, image_shape is that "
                    "of one image, and sites of the training images must be left out of a guide"
                ) from error
            raise ArgumentError(
                f"{_name(program)} raised {type(error).__name__}: {first_line(error)} on images "
                f"of shape {shape}"
            ) from error
    nodes: Nodes = prune_subsample_sites(trace).nodes
    return nodes


def minibatch_error(minibatches: Mapping[str, str], number: int) -> ArgumentError:
    """Return the error for a model that takes some of the images that it is called with.

    Args:
        minibatches: of the program's plates, see :class:`FirstOfPlates`.
        number: how many images it was called with.
    """
    name, taken = next(iter(minibatches.items()))
    return ArgumentError(
        f"the plate '{name}' takes a minibatch of {taken} images, the model is called with "
        f"{number} and must label all of them; give the minibatch to the model as its images: "
        f"pyro.plate('{name}', size, subsample=x)"
    )


def drawn_sites(nodes: Nodes) -> dict[str, Tensor]:
    """Return the values of the sites that a program drew; auxiliary ones are left out."""
    return {
        name: node["value"]
        for name, node in nodes.items()
        if node["type"] == "sample"
        and not node["is_observed"]
        and not node["infer"].get("is_auxiliary", False)
    }


def parameters_of(nodes: Nodes, modules: Modules) -> dict[str, Tensor]:
    """Return the values of ``pyro.param`` statements that belong to none of the modules.

    Args:
        nodes: of a program.
        modules: of the programs.
    """
    own = {id(parameter) for module in modules for parameter in module.parameters()}
    values = {}
    for name, value in _parameters(nodes):
        free = value.unconstrained() if hasattr(value, "unconstrained") else value
        if id(free) not in own and OF_MODULE not in name:
            values[name] = value
    return values


def live_parameters(nodes: Nodes, modules: Modules) -> list[Tensor]:
    """Return the parameters that ``pyro.module`` registers of modules that were not copied.

    Args:
        nodes: of a program.
        modules: the copies.
    """
    own = {id(parameter) for module in modules for parameter in module.parameters()}
    registered = (_registered(nodes[name]) for name, _ in _parameters(nodes) if OF_MODULE in name)
    return [value for value in registered if value is not None and id(value) not in own]


def warn_of_untrained(nodes: Nodes, modules: Modules, stored: Collection[str]) -> None:
    """Warn of parameters that a program takes as they are before training.

    Args:
        nodes: of the program.
        modules: of the programs.
        stored: names in the parameter store before it ran.
    """
    fresh = [name for name in parameters_of(nodes, modules) if name not in stored]
    if fresh:
        warnings.warn(
            f"Pyro's parameter store has no {', '.join(fresh)}, so the values are those before "
            "training; load the store first (pyro.get_param_store().load), or train first",
            PyrosnnWarning,
            stacklevel=4,
        )
    own = {id(parameter) for module in modules for parameter in module.parameters()}
    other = []
    for name, value in _parameters(nodes):
        mine = _registered(nodes[name]) if OF_MODULE in name else None
        if mine is not None and id(value) not in own and not torch.equal(mine, value):
            other.append(name)
    if other:
        warnings.warn(
            f"Pyro's parameter store has other values of {', '.join(other)} than the module that "
            "is evaluated; load them into it: pyro.module(name, module, update_module_params=True)",
            PyrosnnWarning,
            stacklevel=4,
        )


def _parameters(nodes: Nodes) -> list[tuple[str, Any]]:
    return [(name, node["value"]) for name, node in nodes.items() if node["type"] == "param"]


def _registered(node: Any) -> Tensor | None:
    """Return the module's own parameter of a ``pyro.param`` statement."""
    own = node["args"][1] if len(node["args"]) > 1 else None
    return own if isinstance(own, torch.nn.Parameter) else None


class _Met(Messenger):
    """A handler that notes whether a program has a sample site."""

    any = False

    def _pyro_sample(self, message: Any) -> None:
        self.any = self.any or not isinstance(message["fn"], _Subsample)


def draws_with_pyro(module: torch.nn.Module, x: Tensor) -> bool:
    """Return whether a module draws with Pyro: it has a ``PyroSample``, or calls ``pyro.sample``.

    Args:
        module: the module; one without ``PyroSample`` is called once.
        x: a few images.

    Example:
        >>> draws_with_pyro(torch.nn.Flatten(), torch.rand(2, 1, 8, 8))
        False
    """
    if any(isinstance(part, PyroModule) and part._pyro_samples for part in module.modules()):
        return True
    with forked_rng(seed_sequence(0, "pyro-program"), x.device), alone(), torch.no_grad():
        with _Met() as met:
            try:
                module(x)
            except Exception:  # whoever evaluates the module says what is wrong with it
                return met.any
    return met.any


def _name(program: Program) -> str:
    return getattr(program, "__name__", type(program).__name__)
