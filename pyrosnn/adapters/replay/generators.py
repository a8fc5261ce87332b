"""The generators that a module may draw from beside torch's global ones."""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch


@contextmanager
def forked_own_generators(module: torch.nn.Module, seed: int) -> Iterator[None]:
    """Seed Python's generator and those that a module keeps; put their states back at the end.

    Args:
        module: the module; also the Python modules that its parts' classes are defined in.
        seed: the seed.
    """
    python = random.getstate()
    kept = [(generator, _state(generator)) for generator in _generators(module)]
    random.seed(seed)
    for generator, _ in kept:
        _seed(generator, seed)
    try:
        yield
    finally:
        for generator, state in kept:
            _restore(generator, state)
        random.setstate(python)


# What was found, because looking takes as long as a small pass.
_FOUND: WeakKeyDictionary[torch.nn.Module, list[Any]] = WeakKeyDictionary()


def _generators(module: torch.nn.Module) -> list[Any]:
    """Return the generators that a module and its parts keep, or that lie beside their classes."""
    if module not in _FOUND:
        _FOUND[module] = _look_for_generators(module)
    return _FOUND[module]


def _look_for_generators(module: torch.nn.Module) -> list[Any]:
    homes: list[dict[str, Any]] = [vars(part) for part in module.modules()]
    names = {type(part).__module__ for part in module.modules()}
    own = [name for name in names if not name.startswith("torch.")]
    homes += [vars(sys.modules[name]) for name in own if name in sys.modules]
    kinds = torch.Generator | np.random.Generator | np.random.RandomState | random.Random
    values = [value for home in homes for value in list(home.values())]
    owners = [getattr(value, "__self__", None) for value in values]  # of bound methods
    found = {id(value): value for value in (*values, *owners) if isinstance(value, kinds)}
    return list(found.values())


def _state(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, random.Random):
        return generator.getstate()
    return generator.get_state()


def _seed(generator: Any, seed: int) -> None:
    if isinstance(generator, np.random.Generator):
        kind: Any = type(generator.bit_generator)
        generator.bit_generator.state = kind(seed).state
    elif isinstance(generator, np.random.RandomState):
        generator.seed(seed % 2**32)
    elif isinstance(generator, random.Random):
        generator.seed(seed)
    else:
        generator.manual_seed(seed)


def _restore(generator: Any, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, random.Random):
        generator.setstate(state)
    else:
        generator.set_state(state)


def other_states(module: torch.nn.Module) -> list[Any]:
    """Return the states of numpy's and Python's generators, the module's own among them.

    A generator of torch's is not among them: what is drawn from it is seen.

    Args:
        module: the module.
    """
    own = [g for g in _generators(module) if not isinstance(g, torch.Generator)]
    return [_plain(s) for s in (random.getstate(), np.random.get_state(), *map(_state, own))]


def _plain(state: Any) -> Any:
    """Return a state that can be compared: arrays as bytes."""
    if isinstance(state, np.ndarray):
        return state.tobytes()
    if isinstance(state, dict):
        return {name: _plain(value) for name, value in state.items()}
    return tuple(map(_plain, state)) if isinstance(state, tuple) else state
