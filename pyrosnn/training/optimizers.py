"""torch's optimizers, by their names in settings."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

if TYPE_CHECKING:
    from pyrosnn.models.classifier import StochasticClassifier
    from pyrosnn.training.spec import TrainingSpec

Groups = Iterable[Parameter] | list[dict[str, Any]]

OPTIMIZERS: dict[str, Callable[["TrainingSpec", Groups], Optimizer]] = {
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


def parameter_groups(classifier: "StochasticClassifier") -> Groups:
    """Return the parameters of a classifier, those without weight decay in a group of their own.

    Args:
        classifier: what is trained.

    Example:
        >>> from pyrosnn.models import build_model
        >>> pni = build_model("pni", image_shape=(1, 8, 8), num_classes=10)
        >>> [len(group["params"]) for group in parameter_groups(pni)]
        [3, 3]
    """
    apart = {id(parameter) for parameter in classifier.without_decay()}
    if not apart:
        return classifier.parameters()
    parameters = list(classifier.parameters())
    decayed: dict[str, Any] = {"params": [p for p in parameters if id(p) not in apart]}
    others = [p for p in parameters if id(p) in apart]
    return [decayed, {"params": others, "weight_decay": 0.0}]
