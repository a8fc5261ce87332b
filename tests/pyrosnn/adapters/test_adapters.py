"""Every adapter keeps the contract, and leaves what it was made from alone."""

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from support.adapted import ADAPTED, SHAPE, Noisy, network, weight_guide, weight_model
from torch import nn

from pyrosnn.adapters import (
    Adapter,
    Ensemble,
    MCDropout,
    PyroClassifier,
    SeededModule,
    WeightSamples,
)
from pyrosnn.errors import ArgumentError, NotStochasticError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set, replay_logits
from pyrosnn.testing import ClassifierContract


@pytest.fixture(scope="module", params=list(ADAPTED))
def classifier(request: pytest.FixtureRequest) -> StochasticClassifier:
    torch.manual_seed(0)
    return ADAPTED[request.param]()


@pytest.mark.slow
class TestAdapters(ClassifierContract):
    """All of the table."""


class Seen(nn.Module):
    """Batch norm, dropout and a hook: what an adapter could disturb."""

    def __init__(self) -> None:
        super().__init__()
        self.flat, self.norm, self.drop = nn.Flatten(), nn.BatchNorm1d(16), nn.Dropout(0.5)
        self.last = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.last(self.drop(self.norm(self.flat(x))))
        return logits


def wrapped(module: nn.Module) -> dict[str, Adapter]:
    states = [{"last.bias": torch.randn(3)} for _ in range(3)]
    return {
        "dropout": MCDropout(module, SHAPE),
        "seeded": SeededModule(module, SHAPE),
        "weights": WeightSamples(module, states, SHAPE),
    }


def test_the_module_keeps_mode_parameters_buffers_and_hooks() -> None:
    module = Seen().train()
    module.drop.eval()  # modes that differ
    module.last.register_forward_hook(lambda *_: None)
    modes = [part.training for part in module.modules()]
    state = copy.deepcopy(module.state_dict())
    x = torch.rand(4, *SHAPE)
    module.drop.train()
    modes[[name for name, _ in module.named_modules()].index("drop")] = True
    for adapter in wrapped(module).values():
        adapter.train()
        samples = draw_sample_set(adapter, x, 3, seed=0, stream="attack")
        replay_logits(adapter, x, samples)
        adapter.eval()
    assert [part.training for part in module.modules()] == modes
    for name, value in module.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert len(module.last._forward_hooks) == 1
    assert not any(part._forward_hooks for part in module.children() if part is not module.last)


def test_training_the_module_on_does_not_change_the_adapter() -> None:
    module, x = Seen(), torch.rand(4, *SHAPE)
    for name, adapter in wrapped(module).items():
        samples = draw_sample_set(adapter, x, 3, seed=0, stream="attack")
        before = replay_logits(adapter, x, samples)
        with torch.no_grad():
            module.last.weight.add_(1.0)
        module.train()(x)  # moves the running statistics
        assert torch.equal(replay_logits(adapter, x, samples), before), name


@pytest.mark.parametrize("name", list(ADAPTED))
def test_the_fingerprint_changes_with_what_decides_the_outputs(name: str) -> None:
    torch.manual_seed(0)
    adapter = ADAPTED[name]()
    tensors = [t for t in [*adapter.parameters(), *adapter.buffers()] if t.is_floating_point()]
    assert tensors
    for tensor in tensors:
        before = adapter.fingerprint()
        with torch.no_grad():
            tensor.add_(0.5)
        assert adapter.fingerprint() != before


@pytest.mark.slow
def test_no_adapter_uses_pyros_store() -> None:
    adapters = [make() for make in ADAPTED.values()]
    pyro.param("mine", torch.tensor(1.0))
    x = torch.rand(2, *SHAPE)
    for adapter in adapters:
        draw_sample_set(adapter, x, 2, seed=0, stream="attack")
    found = dict(pyro.get_param_store().items())
    pyro.clear_param_store()
    assert list(found) == ["mine"]


def test_a_seeded_image_does_not_depend_on_its_batch() -> None:
    adapter = SeededModule(Noisy(), SHAPE)
    x = torch.rand(6, *SHAPE)
    samples = draw_sample_set(adapter, x, 4, seed=0, stream="attack")
    whole = replay_logits(adapter, x, samples)
    rows = torch.tensor([4, 1])
    part = replay_logits(adapter, x[rows], samples.for_examples(rows))
    assert torch.equal(part, whole[:, rows])  # exactly: an image is evaluated alone


def test_what_is_not_stochastic_is_refused_with_advice() -> None:
    twin = network()
    for make in (
        lambda: MCDropout(network(), SHAPE),
        lambda: MCDropout(network(nn.Dropout(0.0)), SHAPE),
        lambda: SeededModule(network(nn.Dropout(0.5)).eval(), SHAPE),
        lambda: Ensemble([twin, copy.deepcopy(twin)], SHAPE),
        lambda: WeightSamples(twin, [twin.state_dict()] * 3, SHAPE),
    ):
        with pytest.raises(NotStochasticError, match="not stochastic"):
            make()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (network(nn.Dropout(0.5), nn.BatchNorm1d(8, track_running_stats=False)), "running stat"),
        (nn.Sequential(network(nn.Dropout(0.5)), nn.Softmax(-1)), "returns probabilities"),
        (nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(9, 3)), "image_shape"),
        (nn.Sequential(nn.Dropout(0.5)), "expected logits of shape"),
    ],
)
def test_modules_that_cannot_be_right_are_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        MCDropout(module, SHAPE)


WRAPPERS: dict[str, Callable[[Any, Any], Adapter]] = {
    "dropout": MCDropout,
    "seeded": SeededModule,
    "seeded-shared": lambda module, shape: SeededModule(module, shape, per_example=False),
    "ensemble": lambda module, shape: Ensemble([module, module], shape),
    "weights": lambda module, shape: WeightSamples(module, [{"1.bias": torch.ones(8)}] * 2, shape),
}

ALL_WRAPPERS: dict[str, Callable[[Any, Any], Adapter]] = {
    **WRAPPERS,
    "pyro": lambda _, shape: PyroClassifier(weight_model, weight_guide, shape),
}


@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize("name", list(WRAPPERS))
def test_what_is_no_module_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=r"expected a torch\.nn\.Module, got function"):
        WRAPPERS[name](lambda x: x, SHAPE)


@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize("shape", [64, None, "abc", (1, 8.0), (0, 4), torch.rand(2, 3)])
def test_what_is_no_shape_is_refused(shape: Any) -> None:
    module = network(nn.Dropout(0.5))
    for make in ALL_WRAPPERS.values():
        with pytest.raises(ArgumentError, match=r"must be a shape such as \(1, 8, 8\), got") as e:
            make(module, shape)
        assert len(str(e.value).splitlines()) == 1


class Failing(nn.Module):
    """Has dropout, and ends as it is told."""

    def __init__(self, end: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.rest, self.end = network(nn.Dropout(0.5)), end

    def forward(self, x: torch.Tensor) -> Any:
        return self.end(self.rest(x))


def own_bug(_: torch.Tensor) -> Any:
    raise ValueError("my own bug\nin two lines")


FAILING = [
    (own_bug, r"the module raised ValueError: my own bug on images of shape \(\d, 1, 4, 4\)$"),
    (lambda x: (x, x), "returned a tuple.*, expected a tensor of logits, shape .example, class."),
    (lambda x: x @ x, "cannot be evaluated on images .*image_shape is that of one image, without"),
]


@pytest.mark.parametrize("name", list(WRAPPERS))
@pytest.mark.parametrize(("end", "message"), FAILING, ids=["error", "tuple", "shape"])
def test_the_modules_own_errors_are_not_those_of_a_shape(
    name: str, end: Callable[[torch.Tensor], Any], message: str
) -> None:
    wrappers = {**WRAPPERS, "weights": bias_samples}
    with pytest.raises(ArgumentError, match=message):
        wrappers[name](Failing(end), SHAPE)


def bias_samples(module: Any, shape: Any) -> Adapter:
    return WeightSamples(module, [{"rest.1.bias": torch.rand(8)} for _ in range(2)], shape)


class Drawing(nn.Module):
    """Adds noise that torch's seed does not decide."""

    def __init__(self, draw: Callable[[], float]) -> None:
        super().__init__()
        self.rest, self.draw = network(), draw

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.rest(x + self.draw())
        return logits


class OwnGenerator(nn.Module):
    """Adds noise of a generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.rest, self.own = network(), torch.Generator()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.rest(x + torch.rand((), generator=self.own))
        return logits


def closed() -> Callable[[], float]:
    """Return draws of a generator that nobody can find."""
    own = random.Random(0)
    return lambda: own.random()


KNOWN = {
    "numpy": Drawing(np.random.default_rng().random),
    "numpy-global": Drawing(np.random.rand),
    "random": Drawing(random.random),
    "own": OwnGenerator(),
}


@pytest.mark.parametrize("name", ["seeded", "seeded-shared"])
@pytest.mark.parametrize("module", list(KNOWN.values()), ids=list(KNOWN))
def test_generators_that_a_module_keeps_are_seeded_and_put_back(
    name: str, module: nn.Module
) -> None:
    adapter, x = WRAPPERS[name](module, SHAPE), torch.rand(4, *SHAPE)
    samples = draw_sample_set(adapter, x, 3, seed=0, stream="attack")
    random.seed(0)
    np.random.seed(0)
    first = replay_logits(adapter, x, samples)
    after = (random.random(), np.random.random())
    random.seed(0)
    np.random.seed(0)
    assert (random.random(), np.random.random()) == after
    assert torch.equal(replay_logits(adapter, x, samples), first)
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize("name", ["seeded", "seeded-shared"])
def test_a_generator_out_of_sight_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match="draw from torch's, numpy's or Python's generators"):
        WRAPPERS[name](Drawing(closed()), SHAPE)


def test_log_probabilities_are_logits() -> None:
    adapter = MCDropout(nn.Sequential(network(nn.Dropout(0.5)), nn.LogSoftmax(-1)), SHAPE)
    assert adapter.num_classes == 3
