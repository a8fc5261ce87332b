"""The modes in which a module predicts: found from the draws of its passes, or asked for."""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyrosnn.adapters.evaluated import evaluated_on
from pyrosnn.adapters.replay.draws import Draw, SeenDraws
from pyrosnn.adapters.replay.generators import other_states
from pyrosnn.adapters.replay.passes import (
    Modes,
    Passes,
    evaluation_modes,
    following,
    own_modes,
    training_modes,
)
from pyrosnn.errors import ArgumentError, PyrosnnWarning
from pyrosnn.seeding import forked_rng, seed_sequence

OTHERS = ("numpy's or Python's generators", "")

# What a user may ask for.
MODES: Mapping[str, Callable[[torch.nn.Module], dict[str, bool]]] = {
    "evaluation": evaluation_modes,
    "training": training_modes,
    "own": own_modes,
}


@dataclass(frozen=True)
class Seen:
    """What was seen of a pass.

    Attributes:
        draws: torch's.
        returned: by the module.
        others_moved: whether numpy's or Python's generators, or such of the module's own, drew.
    """

    draws: list[Draw]
    returned: Any
    others_moved: bool


def seen_draws(passes: Passes, x: Tensor, *, seed: int = 0) -> Seen:
    """Run a pass, and return what was seen of it.

    Args:
        passes: of the module.
        x: images.
        seed: of torch's generators; the other ones go on.
    """
    before = other_states(passes.module)
    with (
        evaluated_on(tuple(x.shape)),
        forked_rng(seed_sequence(seed, "seen-draws"), x.device),
        torch.no_grad(),
        passes.running(),
        following(passes.module) as running,
        SeenDraws(lambda: running[-1]) as seen,
    ):
        returned = passes.module(x.clone())
    return Seen(seen.draws, returned, other_states(passes.module) != before)


def require_same_draws(module: torch.nn.Module, x: Tensor) -> None:
    """Refuse a module that draws in its first pass, and keeps the numbers for the next.

    Put back after every pass, it would draw them again and again.

    Args:
        module: the module.
        x: images.

    Raises:
        ArgumentError: saying what to do.
    """
    try:
        passes = Passes(module, training_modes(module))
        passes.watch(x)
    except ArgumentError:  # members may share the images of a batch in training, which 2 do not do
        passes = Passes(module, evaluation_modes(module))
        passes.watch(x)
    numbers = []
    with (
        evaluated_on(tuple(x.shape)),
        forked_rng(seed_sequence(0, "same-draws"), x.device),
        torch.no_grad(),
        passes.running(),
    ):
        for _ in range(2):
            with SeenDraws(str) as seen:
                passes.module(x.clone())
            numbers.append(len(seen.draws))
    if numbers[1] < numbers[0]:
        raise ArgumentError(
            f"the module draws {numbers[0]} times in its first pass and {numbers[1]} times in its "
            "second: it keeps numbers; call it on a batch of images before it is wrapped"
        )


def find_modes(module: torch.nn.Module, x: Tensor, asked: str | None) -> dict[str, bool]:
    """Return the modes in which the module's noise acts.

    Noise that training mode alone has needs that mode of the submodules that draw it; all else is
    in evaluation mode.

    Args:
        module: the module.
        x: a few images.
        asked: a name in ``MODES``; None to find it.

    Raises:
        ArgumentError: if both modes have noise, and training mode more of it.
    """
    modes = {name: of(module) for name, of in MODES.items()}
    if asked is not None:
        return modes[asked] if asked != "training" else _of_places(module, x, modes)
    evaluation = _noise(module, x, modes["evaluation"])
    training, own = (
        _noise_if_it_runs(module, x, modes[name], evaluation) for name in ("training", "own")
    )
    if not training - evaluation:
        return modes["evaluation"]
    if own and own not in (evaluation, training):
        left = training - own
        if left:
            warnings.warn(
                f"noise that only training mode has is left out, as the module's own modes say: "
                f"{_listed(left)}; mode='training' takes it",
                PyrosnnWarning,
                stacklevel=4,
            )
        return modes["own"]
    if evaluation:
        raise ArgumentError(
            f"the module has noise in evaluation mode ({_listed(evaluation)}), and more in "
            f"training mode ({_listed(training - evaluation)}); say which it predicts with: "
            "mode='evaluation' or mode='training'"
        )
    return _of_places(module, x, modes)


def _of_places(
    module: torch.nn.Module, x: Tensor, modes: Mapping[str, dict[str, bool]]
) -> dict[str, bool]:
    """Return evaluation mode but for the places that draw in training mode, if that will do."""
    wanted = _noise(module, x, modes["training"])
    if OTHERS in wanted:
        return modes["training"]  # nobody saw which part drew
    places = {place for _, place in wanted}
    few = {name: name in places and modes["training"][name] for name in modes["evaluation"]}
    return few if _noise(module, x, few) == wanted else modes["training"]


def _noise(module: torch.nn.Module, x: Tensor, modes: Modes) -> Counter[tuple[str, str]]:
    """Return how often each place draws, by operation and place."""
    passes = Passes(module, modes)
    passes.watch(x)
    seen = seen_draws(passes, x)
    noise = Counter((draw.operation, draw.place) for draw in seen.draws)
    return noise + Counter({OTHERS: 1} if seen.others_moved else {})


def _noise_if_it_runs(
    module: torch.nn.Module, x: Tensor, modes: Modes, otherwise: Counter[tuple[str, str]]
) -> Counter[tuple[str, str]]:
    """Return how often each place draws, or another count where the module takes no such images.

    References:
        BatchEnsemble of torch-uncertainty divides a batch of training among its members.
    """
    try:
        return _noise(module, x, modes)
    except ArgumentError:
        return otherwise


def _listed(noise: Counter[tuple[str, str]]) -> str:
    shown = [f"{operation} in {place or 'forward'}" for operation, place in list(noise)[:3]]
    return ", ".join(shown) + (f" and {len(noise) - 3} more" if len(noise) > 3 else "")
