"""torch's optimizers, by their names in settings."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec

OPTIMIZERS: dict[str, Callable[["TrainingSpec", Iterable[Parameter]], Optimizer]] = {
    "adam": lambda spec, parameters: torch.optim.Adam(
        parameters, spec.learning_rate, weight_decay=spec.weight_decay, fused=True
    ),
    "sgd": lambda spec, parameters: torch.optim.SGD(
        parameters,
        spec.learning_rate,
        momentum=spec.momentum,
        nesterov=spec.nesterov,
        weight_decay=spec.weight_decay,
    ),
}
