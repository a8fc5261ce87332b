"""Whether a path gives the values and gradients of samples that are evaluated one by one."""

import torch
from torch import Tensor

from pyrosnn.adapters.replay.draws import SeenDraws
from pyrosnn.adapters.replay.paths import Path
from pyrosnn.adapters.replay.trial import NUM_SAMPLES
from pyrosnn.errors import ArgumentError
from pyrosnn.networks.forward_mode import dual_pass
from pyrosnn.shapes import Sites

TOLERANCE = 1e-3  # other batches give other rounding


def mixes(path: Path, x: Tensor, values: Sites, expected: Tensor) -> bool:
    """Return whether the first image's logits change with the other images, by the same draws."""
    others = torch.cat([x[:1], 1 - x[1:]])
    with torch.no_grad():
        return not _near(path.logits(others, values)[:, :1], expected[:, :1])


def independent(path: Path, x: Tensor, values: Sites, expected: Tensor) -> bool:
    """Return whether an image's logits follow from it and its draws alone."""
    rows = torch.tensor([2, 0], device=x.device)
    chosen = {
        name: value[:, rows] if value.shape[1] > 1 else value for name, value in values.items()
    }
    with torch.no_grad():
        return _near(path.logits(x[rows], chosen), expected[:, rows])


def gradient_apart(path: Path, x: Tensor, values: Sites) -> Tensor | None:
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


def what_is_wrong(
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


def forward_mode_agrees(path: Path, x: Tensor, values: Sites, gradient: Tensor) -> bool:
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
