"""Learning rates as functions of time, so that a training resumes at any point without a state."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec

# A factor of ``learning_rate`` at a time in epochs, from 0 to the number of epochs.
Schedule = Callable[["TrainingSpec", float], float]

# One cycle: the share of the training that warms up, and how far below the peak it begins and ends.
WARM_UP, BEGIN, END = 0.25, 1 / 25, 1e-4


def constant(spec: "TrainingSpec", time: float) -> float:
    """Return 1."""
    return 1.0


def steps(spec: "TrainingSpec", time: float) -> float:
    """Multiply by ``decay`` after each number of epochs in ``milestones``."""
    return float(spec.decay ** sum(time >= milestone for milestone in spec.milestones))


def one_cycle(spec: "TrainingSpec", time: float) -> float:
    """Rise from a low rate to the peak and fall to almost none, both along a cosine.

    References:
        L. N. Smith, N. Topin, Super-convergence, 2018; ``torch.optim.lr_scheduler.OneCycleLR``.
    """
    share = time / spec.epochs
    if share < WARM_UP:
        return _cosine(BEGIN, 1.0, share / WARM_UP)
    return _cosine(1.0, BEGIN * END, (share - WARM_UP) / (1 - WARM_UP))


def _cosine(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: dict[str, Schedule] = {"constant": constant, "steps": steps, "one-cycle": one_cycle}


def learning_rate(spec: "TrainingSpec", time: float) -> float:
    """Return the learning rate after ``time`` epochs.

    Args:
        spec: settings of the training.
        time: epochs done, with a fraction within an epoch.

    Example:
        >>> from pyrosnn.training import preset
        >>> paper = preset("resnet", "paper")
        >>> round(learning_rate(paper, 59.0), 3), round(learning_rate(paper, 60.0), 3)
        (0.1, 0.02)
    """
    return spec.learning_rate * SCHEDULES[spec.schedule](spec, time)
