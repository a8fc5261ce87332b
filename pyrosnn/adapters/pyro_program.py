"""A copy of a Pyro model and guide, protected from training, and its sites."""

import weakref
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.distributions import Independent
from pyro.infer.autoguide import AutoGuide
from pyro.nn import PyroModule
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor

from pyrosnn.adapters.copies import copy_of
from pyrosnn.adapters.fixed_sites import LABELS, alone
from pyrosnn.errors import ArgumentError, first_line, require
from pyrosnn.networks.trial import require_running_statistics
from pyrosnn.seeding import forked_rng, seed_sequence

Program = Callable[..., Any]
Nodes = Mapping[str, Any]


def copy_programs(model: Program, guide: Program) -> tuple[Program, Program]:
    """Return programs with their modules copied, in evaluation mode.

    The guide of ``pyro.infer.autoguide`` holds its model, and both copies are of one piece. What
    a guide recorded of its model when it was first called stays shared: nobody changes it.

    Raises:
        ArgumentError: for an autoguide that was never called, or a module that cannot be copied.
    """
    shared = recorded_traces(guide)
    modules = tuple(p for p in (model, guide) if isinstance(p, torch.nn.Module))
    copies = dict(zip(map(id, modules), copy_of(modules, shared), strict=True))
    for program in copies.values():
        require_running_statistics(program.eval())
        for part in program.modules():
            if isinstance(part, AutoGuide) and part is not program:
                part.master = weakref.ref(program)  # not the original's
    return copies.get(id(model), model), copies.get(id(guide), guide)


def recorded_traces(guide: Program) -> dict[int, Any]:
    """Return the traces that autoguides recorded at their first call, by id.

    Its tensors are of a computation graph, which cannot be copied, and nobody changes them.

    Raises:
        ArgumentError: for an autoguide that was never called.
    """
    traces = {}
    for part in guide.modules() if isinstance(guide, torch.nn.Module) else ():
        if isinstance(part, AutoGuide):
            require(
                part.prototype_trace is not None,
                f"the guide ({type(part).__name__}) has never been trained, nor called; train it "
                "with pyro.infer.SVI first",
            )
            traces[id(part.prototype_trace)] = part.prototype_trace
    return traces


def store_without(*programs: Program) -> Any:
    """Return the state of Pyro's parameter store without the modules' own parameters."""
    own = {
        ".".join(part for part in (program._pyro_name, name) if part).removesuffix("_unconstrained")
        for program in programs
        if isinstance(program, PyroModule)
        for name, _ in program.named_parameters()
    }
    state = pyro.get_param_store().get_state()
    kept = [name for name in state["params"] if name.replace("$$$", ".") not in own]
    return {part: {name: state[part][name] for name in kept} for part in ("params", "constraints")}


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
    with forked_rng(seed_sequence(seed, "pyro-program"), x.device), alone(state), torch.no_grad():
        try:
            trace: Any = poutine.trace(program).get_trace(x)
        except (RuntimeError, TypeError) as error:
            raise ArgumentError(
                f"{_name(program)} cannot be called with images of shape {tuple(x.shape)} alone "
                f"({first_line(error)}); labels need a default, y=None, and image_shape is that of "
                "one image"
            ) from error
        except Exception as error:
            raise ArgumentError(
                f"{_name(program)} raised {type(error).__name__}: {first_line(error)} on images of "
                f"shape {tuple(x.shape)}"
            ) from error
    nodes: Nodes = prune_subsample_sites(trace).nodes
    return nodes


def drawn_sites(nodes: Nodes) -> dict[str, Tensor]:
    """Return the values of the sites that a program drew; auxiliary ones are left out."""
    return {
        name: node["value"]
        for name, node in nodes.items()
        if node["type"] == "sample"
        and not node["is_observed"]
        and not node["infer"].get("is_auxiliary", False)
    }


def parameters_of(nodes: Nodes, *programs: Program) -> dict[str, Tensor]:
    """Return the values of ``pyro.param`` statements that belong to none of the modules."""
    modules = [program for program in programs if isinstance(program, torch.nn.Module)]
    own = {id(p) for p in chain.from_iterable(module.parameters() for module in modules)}
    values = {}
    for name, node in nodes.items():
        if node["type"] == "param":
            value = node["value"]
            free = value.unconstrained() if hasattr(value, "unconstrained") else value
            if id(free) not in own:
                values[name] = value
    return values


def is_label(distribution: Any) -> bool:
    """Return whether a distribution is over classes."""
    while isinstance(distribution, Independent):
        distribution = distribution.base_dist
    return isinstance(distribution, LABELS)


def _name(program: Program) -> str:
    return getattr(program, "__name__", type(program).__name__)
