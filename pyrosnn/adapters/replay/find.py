"""The choice of a path: the first that gives the values and gradients of single samples."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from pyrosnn.adapters.replay.agreement import (
    forward_mode_agrees,
    gradient_apart,
    independent,
    mixes,
    what_is_wrong,
)
from pyrosnn.adapters.replay.draws import DifferentDraws, Draw
from pyrosnn.adapters.replay.members import Stacked
from pyrosnn.adapters.replay.noise_modes import seen_draws
from pyrosnn.adapters.replay.paths import OneBatch, OneByOne, Path, Vectorised
from pyrosnn.adapters.replay.returned import Returned, find_returned
from pyrosnn.adapters.replay.seeds import Seeds
from pyrosnn.adapters.replay.sites import DrawnSite, as_sites, images_last
from pyrosnn.adapters.replay.trial import Trial
from pyrosnn.errors import ArgumentError, NotStochasticError, first_line

PATHS: dict[str, type[Path]] = {"vmap": Vectorised, "batch": OneBatch, "loop": OneByOne}
REPLAYS = dict.fromkeys((*PATHS, "seeds"))
NUM_TRIALS = 4
DEPENDENT_DRAWS = "which numbers it draws depends on the image or on earlier draws"
OTHER_RANDOMNESS = "it has randomness that is not torch's (numpy's or Python's), or a state"


def find_path(
    trial: Trial, asked: str | None, *, returns: str | None, part: Any, per_example: bool
) -> Path:
    """Return the path on which a module is replayed.

    Args:
        trial: the module, and images.
        asked: a name in ``REPLAYS``, or None for the first that is right.
        returns: what the module returns.
        part: key or index of the logits.
        per_example: whether an image has draws of its own where it can.

    Raises:
        NotStochasticError: for a module that draws nothing.
        ArgumentError: if the path that was asked for is not right, with the reason.
    """
    two, three = (trial.images(number, 0) for number in (2, 3))
    of_two, of_three = (seen_draws(trial.passes, x) for x in (two, three))
    returned = find_returned(of_two.returned, 2, returns or "logits", part)
    if not of_two.draws and not of_three.draws and not of_two.others_moved:
        members = _members(trial, returned, of_two.returned, of_three.returned)
        if members is not None:
            return members
        again = seen_draws(trial.passes, two).returned
        if torch.equal(returned.rows(of_two.returned), returned.rows(again)):
            raise NotStochasticError(
                "the module draws no random numbers, in evaluation mode and in training mode: it "
                "is not stochastic; add dropout or noise"
            )
    if asked == "seeds":
        return Seeds(trial, returned, per_example=per_example)
    sites = _changing(trial, of_two.draws) or as_sites(
        of_two.draws, of_three.draws, per_image=per_example
    )
    if not sites:
        sites = OTHER_RANDOMNESS
    if not isinstance(sites, str):
        found = _first_right(trial, sites, returned, asked)
        if isinstance(found, Path):
            return found
        sites = found
    if asked is not None:
        raise ArgumentError(f"the module cannot be replayed by replay='{asked}': {sites}")
    seeds = Seeds(trial, returned, per_example=False)
    if not seeds.batched and per_example:  # images have noise of their own
        seeds = Seeds(trial, returned, per_example=True)
    seeds.warn(sites)
    return seeds


def _members(trial: Trial, returned: Returned, two: Any, three: Any) -> Stacked | None:
    """Return the path of members along the axis of images, if the module has such."""
    rows = [len(returned.rows(value)) for value in (two, three)]
    number = rows[0] // 2
    if number >= 2 and rows == [2 * number, 3 * number]:
        return Stacked(trial, returned, number)
    return None


def _changing(trial: Trial, draws: Sequence[Draw]) -> str | None:
    """Return why the draws cannot be sample sites: not always the same ones, or not random."""
    for seed in range(1, NUM_TRIALS + 1):
        seen = seen_draws(trial.passes, trial.images(2, seed), seed=seed)
        if seen.others_moved:
            return OTHER_RANDOMNESS
        if seen.draws != list(draws):
            return DEPENDENT_DRAWS
        for draw, other in zip(draws, seen.draws, strict=True):
            if draw.state == other.state:
                return f"it seeds the generator of {draw} itself, which draws no other numbers then"
            pairs = zip(draw.arguments, other.arguments, strict=True)
            if not all(a.shape == b.shape and torch.equal(a, b) for a, b in pairs):
                return f"the law of {draw} depends on the image or on earlier draws"
    return None


def _first_right(
    trial: Trial, sites: Sequence[DrawnSite], returned: Returned, asked: str | None
) -> Path | str:
    """Return the first path that is right, or why none is."""
    reason = "the draws of an image are not to be told from those of the others"
    x = trial.images(3, 0)
    for layout in _layouts(sites):
        reference = OneByOne(trial.passes, layout, returned, trial.image_shape)
        values = trial.samples(layout, len(x))
        try:
            with torch.no_grad():
                expected, again = (reference.logits(x, values) for _ in range(2))
        except DifferentDraws:
            return DEPENDENT_DRAWS
        if not torch.equal(expected, again):
            return OTHER_RANDOMNESS
        if mixes(reference, x, values, expected):
            raise ArgumentError(
                "the outputs of an image change with the other images of its batch, so that they "
                "cannot be attacked one by one; normalise by running statistics"
            )
        if not independent(reference, x, values, expected):
            continue
        try:
            gradient = gradient_apart(reference, x, values)
        except RuntimeError:  # torch's, and asked for again where a gradient is needed
            gradient = None
        for name in [asked] if asked is not None else list(PATHS):
            if name == "batch" and any(site.axis is None for site in layout):
                reason = "a draw is shared by all images"
                continue
            path = PATHS[name](trial.passes, layout, returned, trial.image_shape)
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings("error", "There is a performance drop")
                    wrong = what_is_wrong(path, x, values, expected, gradient)
            except Exception as error:  # of a path that the module does not take
                wrong = f"{type(error).__name__}: {first_line(error)}"
            if wrong is None:
                if gradient is not None:
                    path.forward_mode = forward_mode_agrees(path, x, values, gradient)
                return path
            reason = wrong
    return reason


def _layouts(sites: Sequence[DrawnSite]) -> Iterator[Sequence[DrawnSite]]:
    yield sites
    if any(site.rows > 1 for site in sites):
        yield images_last(sites)
