"""The choice of a path: the first that gives the values and gradients of single samples."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyro
import torch
from torch import Tensor

from pyrosnn.adapters.evaluated import evaluated_on
from pyrosnn.adapters.replay.draws import Draw, SeenDraws
from pyrosnn.adapters.replay.members import Stacked
from pyrosnn.adapters.replay.noise_modes import seen_draws
from pyrosnn.adapters.replay.passes import Passes
from pyrosnn.adapters.replay.paths import OneBatch, OneByOne, Path, Vectorised
from pyrosnn.adapters.replay.returned import Returned, find_returned
from pyrosnn.adapters.replay.seeds import Seeds
from pyrosnn.adapters.replay.sites import DrawnSite, as_sites, images_last
from pyrosnn.errors import ArgumentError, NotStochasticError
from pyrosnn.networks.forward_mode import dual_pass
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.shapes import Sites

PATHS: dict[str, type[Path]] = {"vmap": Vectorised, "batch": OneBatch, "loop": OneByOne}
REPLAYS = dict.fromkeys((*PATHS, "seeds"))
TOLERANCE = 1e-3  # other batches give other rounding
NUM_SAMPLES = 2
NUM_TRIALS = 4
OTHER_RANDOMNESS = "it has randomness that is not torch's (numpy's or Python's), or a state"


@dataclass(frozen=True)
class Trial:
    """What paths are tried on.

    Attributes:
        passes: of the module.
        image_shape: shape of one image.
        images: (number, seed) to images of noise.
    """

    passes: Passes
    image_shape: tuple[int, ...]
    images: Callable[[int, int], Tensor]


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


def _members(trial: Trial, returned: Returned, two: Any, three: Any) -> "Stacked | None":
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
            return "which numbers it draws depends on the image or on earlier draws"
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
    for layout in _layouts(sites):
        reference = OneByOne(trial.passes, layout, returned, trial.image_shape)
        x, values = trial.images(3, 0), _drawn(trial, layout, 3)
        shape = tuple(x.shape)
        with evaluated_on(shape), torch.no_grad():
            expected = reference.logits(x, values)
            again = reference.logits(x, values)
        if not torch.equal(expected, again):
            return OTHER_RANDOMNESS
        if _mixes(reference, x, values, expected):
            raise ArgumentError(
                "the outputs of an image change with the other images of its batch, so that they "
                "cannot be attacked one by one; normalise by running statistics"
            )
        if not _independent(reference, x, values, expected):
            continue
        try:
            gradient = _gradient_apart(reference, x, values)
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
                    wrong = _wrong(path, x, values, expected, gradient)
            except Exception as error:
                wrong = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            if wrong is None:
                if gradient is not None:
                    path.forward_mode = _forward_mode_agrees(path, x, values, gradient)
                return path
            reason = wrong
    return reason


def _layouts(sites: Sequence[DrawnSite]) -> Iterator[Sequence[DrawnSite]]:
    yield sites
    if any(site.rows > 1 for site in sites):
        yield images_last(sites)


def _drawn(trial: Trial, sites: Sequence[DrawnSite], number: int) -> Sites:
    """Draw two samples for some images."""
    x = trial.images(number, 0)
    samples = []
    with forked_rng(seed_sequence(0, "trial"), x.device):
        for _ in range(NUM_SAMPLES):
            images = pyro.plate("images", number, dim=-1)
            samples.append({site.name: site.sample(x, images) for site in sites})
    return {
        site.name: torch.stack([sample[site.name] for sample in samples]).reshape(
            NUM_SAMPLES, -1 if site.per_image else 1, *site.event
        )
        for site in sites
    }


def _mixes(path: Path, x: Tensor, values: Sites, expected: Tensor) -> bool:
    """Return whether the first image's logits change with the other images, by the same draws."""
    others = torch.cat([x[:1], 1 - x[1:]])
    with torch.no_grad():
        return not _near(path.logits(others, values)[:, :1], expected[:, :1])


def _independent(path: Path, x: Tensor, values: Sites, expected: Tensor) -> bool:
    """Return whether an image's logits follow from it and its draws alone."""
    rows = torch.tensor([2, 0], device=x.device)
    chosen = {
        name: value[:, rows] if value.shape[1] > 1 else value for name, value in values.items()
    }
    with torch.no_grad():
        return _near(path.logits(x[rows], chosen), expected[:, rows])


def _gradient_apart(path: Path, x: Tensor, values: Sites) -> Tensor | None:
    """Return the gradient of the samples, evaluated one after the other; None without one."""
    total = torch.zeros_like(x)
    for sample in range(NUM_SAMPLES):
        one = {name: value[sample : sample + 1] for name, value in values.items()}
        gradient = _gradient(path, x, one, first=sample)
        if gradient is None:
            return None
        total += gradient
    return total


def _gradient(path: Path, x: Tensor, values: Sites, first: int = 0) -> Tensor | None:
    x = x.clone().requires_grad_()
    logits = path.logits(x, values)
    if not logits.requires_grad:
        return None  # votes, say; gradients are asked for when they are needed
    like = logits.new_empty(NUM_SAMPLES, *logits.shape[1:])
    chosen = _weights(like)[first : first + len(logits)]
    with SeenDraws(str) as seen:
        gradients: tuple[Tensor | None, ...] = torch.autograd.grad(
            logits, x, chosen, allow_unused=True
        )
    if seen.draws:
        raise ArgumentError(
            "the module draws anew while gradients go back, as checkpointing of activations does, "
            "so that they are those of other samples; switch that off"
        )
    return gradients[0]


def _wrong(
    path: Path, x: Tensor, values: Sites, expected: Tensor, gradient: Tensor | None
) -> str | None:
    """Return what is wrong with a path, None if nothing is."""
    with torch.no_grad():
        if not _near(path.logits(x, values), expected):
            return "it gives other values than one sample after the other"
    if gradient is not None:
        mine = _gradient(path, x, values)
        if mine is None or not _near(mine, gradient):
            return "it gives other gradients than one sample after the other"
    return None


def _forward_mode_agrees(path: Path, x: Tensor, values: Sites, gradient: Tensor) -> bool:
    """Return whether the derivative along a direction is the gradient's, if there is one."""
    direction = torch.linspace(-1, 1, x.numel(), device=x.device).reshape(x.shape).to(x.dtype)
    try:
        logits, slope = dual_pass(lambda h: path.logits(h, values), x, direction)
    except Exception:  # of many kinds: there is no forward mode
        return False
    if slope is None:
        return False
    there = (_weights(logits) * slope).double()
    here = (gradient * direction).double()
    scale = there.abs().sum() + here.abs().sum()
    return bool((there.sum() - here.sum()).abs() <= TOLERANCE * scale)


def _weights(logits: Tensor) -> Tensor:
    """Return the weights of the sum of logits whose gradient is compared."""
    weights = torch.linspace(0.5, 1.5, logits.numel(), device=logits.device)
    return weights.reshape(logits.shape).to(logits.dtype)


def _near(values: Tensor, expected: Tensor) -> bool:
    scale = float(expected.abs().max())
    return values.shape == expected.shape and torch.allclose(
        values, expected, rtol=TOLERANCE, atol=TOLERANCE * scale, equal_nan=True
    )
