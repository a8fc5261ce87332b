"""One small classifier of each adapter, on images of 4 × 4."""

from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro.infer import autoguide
from pyro.nn import PyroModule, PyroSample
from torch import Tensor, nn

from pyrosnn.adapters import (
    Adapter,
    Ensemble,
    MCDropout,
    PyroClassifier,
    SeededModule,
    WeightSamples,
)

SHAPE = (1, 4, 4)
CLASSES = 3


def network(*more: nn.Module) -> nn.Sequential:
    """A network of one hidden layer, with what may come before its last."""
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), *more, nn.Linear(8, CLASSES))


class Bayesian(PyroModule):
    """The network of Pyro's tutorials: every weight has a prior."""

    def __init__(self) -> None:
        super().__init__()
        layer: Any = PyroModule[nn.Linear]  # made at run time
        self.linear = layer(16, CLASSES)
        self.linear.weight = PyroSample(dist.Normal(0.0, 1.0).expand([CLASSES, 16]).to_event(2))
        self.linear.bias = PyroSample(dist.Normal(0.0, 1.0).expand([CLASSES]).to_event(1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        logits: Tensor = self.linear(x.flatten(1))
        with pyro.plate("data", len(x)):
            pyro.sample("obs", dist.Categorical(logits=logits), obs=y)
        return logits


AUTOGUIDES = (
    "AutoNormal",
    "AutoDiagonalNormal",
    "AutoMultivariateNormal",
    "AutoLowRankMultivariateNormal",
)


def tutorial(guide_name: str = "AutoNormal") -> PyroClassifier:
    """The tutorial's network with an autoguide that was called, not trained."""
    model = Bayesian()
    guide: Any = getattr(autoguide, guide_name)(model)
    guide(torch.rand(2, *SHAPE), torch.tensor([0, 1]))
    try:
        return PyroClassifier(model, guide, SHAPE)
    finally:
        pyro.clear_param_store()  # which the guide's first call filled


def weight_model(x: Tensor, y: Tensor | None = None) -> Tensor:
    """A linear model, as a function."""
    w = pyro.sample("w", dist.Normal(0.0, 1.0).expand([16, CLASSES]).to_event(2))
    with pyro.plate("images", len(x)):
        return pyro.sample("y", dist.Categorical(logits=x.flatten(1) @ w), obs=y)


def weight_guide(x: Tensor, y: Tensor | None = None) -> None:
    """Its guide, with parameters in Pyro's store."""
    mean = pyro.param("mean", torch.linspace(-1, 1, 16 * CLASSES).reshape(16, CLASSES))
    scale = pyro.param("scale", torch.tensor(0.3), constraint=dist.constraints.positive)
    pyro.sample("w", dist.Normal(mean, scale).to_event(2))


class Noisy(nn.Module):
    """Adds noise to its input, whatever its mode."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = network()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.rest(x + 0.3 * torch.randn_like(x))
        return logits


def functions() -> PyroClassifier:
    """A model and a guide that are functions."""
    weight_guide(torch.rand(2, *SHAPE))  # puts its parameters into the store, as training does
    try:
        return PyroClassifier(weight_model, weight_guide, SHAPE)
    finally:
        pyro.clear_param_store()


ADAPTED: dict[str, Callable[[], Adapter]] = {
    **{name: lambda name=name: tutorial(name) for name in AUTOGUIDES},  # type: ignore[misc]
    "pyro-functions": functions,
    "mc-dropout": lambda: MCDropout(network(nn.Dropout(0.4)), SHAPE),
    "mc-dropout-shared": lambda: MCDropout(network(nn.Dropout(0.4)), SHAPE, per_example=False),
    "mc-alpha-dropout": lambda: MCDropout(network(nn.AlphaDropout(0.2)), SHAPE, output="logits"),
    "seeded": lambda: SeededModule(Noisy(), SHAPE),
    "seeded-shared": lambda: SeededModule(Noisy(), SHAPE, per_example=False),
    "ensemble": lambda: Ensemble([network() for _ in range(3)], SHAPE),
    "weight-samples": lambda: WeightSamples(
        network(), [network().state_dict() for _ in range(4)], SHAPE
    ),
}
