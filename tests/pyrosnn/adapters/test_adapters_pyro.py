"""Pyro programs as people write them: layers without a prior, plates, lists of guides, modules."""

import copy
from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO, autoguide
from pyro.nn import PyroModule, PyroSample
from pyro.optim import PyroOptim
from support.adapted import CLASSES, SHAPE, weight_model
from torch import Tensor, nn

from pyrosnn.adapters import PyroClassifier
from pyrosnn.errors import ArgumentError
from pyrosnn.sampling import draw_sample_set, replay_logits

Step = Callable[[], Any]


class HalfBayesian(PyroModule):
    """A first layer with a prior and a last one that is learned as a point."""

    def __init__(self) -> None:
        super().__init__()
        linear: Any = PyroModule[nn.Linear]
        self.first = linear(16, 8)
        self.first.weight = PyroSample(dist.Normal(0.0, 1.0).expand([8, 16]).to_event(2))
        self.last = linear(8, CLASSES)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        logits: Tensor = self.last(torch.tanh(self.first(x.flatten(1))))
        return label(x, logits, y)


def label(x: Tensor, logits: Tensor, y: Tensor | None) -> Tensor:
    with pyro.plate("data", len(x)):
        pyro.sample("obs", dist.Categorical(logits=logits), obs=y)
    return logits


def in_plates(x: Tensor, y: Tensor | None = None) -> Tensor:
    """Weights in a plate of three, which is also the number of images of the trial run."""
    with pyro.plate("classes", CLASSES, dim=-1):
        w = pyro.sample("w", dist.Normal(torch.zeros(16), 1.0).to_event(1))
    return label(x, x.flatten(1) @ w.mT, y)


def of_two(x: Tensor, y: Tensor | None = None) -> Tensor:
    w = pyro.sample("w", dist.Normal(0.0, 1.0).expand([16, CLASSES]).to_event(2))
    b = pyro.sample("b", dist.Normal(0.0, 1.0).expand([CLASSES]).to_event(1))
    return label(x, x.flatten(1) @ w + b, y)


def list_of_guides(model: Any) -> Any:
    guides = autoguide.AutoGuideList(model)
    guides.append(autoguide.AutoNormal(poutine.block(model, expose=["w"])))
    guides.append(autoguide.AutoDelta(poutine.block(model, expose=["b"])))
    return guides


def trained(model: Any, guide: Any) -> tuple[PyroClassifier, Step]:
    """Train for a few steps; return the classifier, and what makes another step."""
    x, y = torch.rand(20, *SHAPE), torch.arange(20) % CLASSES
    svi = SVI(model, guide, PyroOptim(torch.optim.Adam, {"lr": 0.1}), Trace_ELBO())
    for _ in range(3):
        svi.step(x, y)
    return PyroClassifier(model, guide, SHAPE), lambda: svi.step(x, y)


@pytest.mark.parametrize(
    ("make_model", "make_guide", "sites"),
    [
        (HalfBayesian, autoguide.AutoNormal, {"first.weight": (8, 16)}),
        (HalfBayesian, autoguide.AutoMultivariateNormal, {"first.weight": (8, 16)}),
        (lambda: in_plates, autoguide.AutoNormal, {"w": (CLASSES, 16)}),
        (lambda: in_plates, autoguide.AutoDiagonalNormal, {"w": (CLASSES, 16)}),
        (lambda: of_two, list_of_guides, {"w": (16, CLASSES), "b": (CLASSES,)}),
    ],
    ids=["point-layer", "point-layer-full", "plates", "plates-joint", "guide-list"],
)
def test_trained_programs(make_model: Any, make_guide: Any, sites: dict[str, Any]) -> None:
    model = make_model()
    classifier, step = trained(model, make_guide(model))
    store = {name: value.clone() for name, value in pyro.get_param_store().items()}
    x = torch.rand(4, *SHAPE)
    samples = draw_sample_set(classifier, x, 5, seed=0, stream="attack")
    logits = replay_logits(classifier, x, samples)
    assert classifier.vectorised
    assert not classifier.per_example
    assert {name: tuple(v.shape[2:]) for name, v in samples.tensors.items()} == sites
    for s in range(5):  # the model itself, conditioned on the sample
        values = {name: value[s, 0] for name, value in samples.tensors.items()}
        with pyro.get_param_store().scope(pyro.get_param_store().get_state()):
            own = poutine.condition(model, data=values)(x)
        torch.testing.assert_close(own.log_softmax(-1), logits[s].log_softmax(-1))
    twin = copy.deepcopy(classifier)  # as an attack in bf16 makes one
    assert twin.fingerprint() == classifier.fingerprint()
    assert torch.equal(replay_logits(twin, x, samples), logits)
    assert set(store) == set(pyro.get_param_store().keys())
    for name, value in pyro.get_param_store().items():
        assert torch.equal(value, store[name])
    step()  # the user trains on
    assert torch.equal(replay_logits(classifier, x, samples), logits)
    pyro.clear_param_store()


def test_samples_stay_when_a_registered_module_is_trained_on() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh())

    def model(x: Tensor, y: Tensor | None = None) -> Tensor:
        pyro.module("net", net)
        w = pyro.sample("w", dist.Normal(0.0, 1.0).expand([8, CLASSES]).to_event(2))
        return label(x, net(x) @ w, y)

    classifier, step = trained(model, autoguide.AutoNormal(model))
    x = torch.rand(4, *SHAPE)
    samples = draw_sample_set(classifier, x, 5, seed=0, stream="attack")
    samples.require_fit(classifier, 4)
    logits = replay_logits(classifier, x, samples)
    step()
    pyro.clear_param_store()
    samples.require_fit(classifier, 4)
    assert torch.equal(replay_logits(classifier, x, samples), logits)


def test_noise_of_images_is_drawn_for_each() -> None:
    def noise(scale: float) -> Tensor:
        return pyro.sample("e", dist.Normal(torch.zeros(CLASSES), scale).to_event(1))

    def model(x: Tensor, y: Tensor | None = None) -> Tensor:
        with pyro.plate("data", len(x)):
            logits = x.flatten(1)[:, :CLASSES] + noise(1.0)
            return pyro.sample("obs", dist.Categorical(logits=logits), obs=y)

    def guide(x: Tensor, y: Tensor | None = None) -> None:
        with pyro.plate("data", len(x)):
            noise(0.1)

    classifier = PyroClassifier(model, guide, SHAPE)
    assert classifier.per_example
    samples = draw_sample_set(classifier, torch.rand(6, *SHAPE), 4, seed=0, stream="attack")
    assert samples.tensors["e"].shape == (4, 6, CLASSES)


def of_the_image(x: Tensor, y: Tensor | None = None) -> None:
    pyro.sample("w", dist.Normal(x.mean(), 1.0).expand([16, CLASSES]).to_event(2))


def of_another_name(x: Tensor, y: Tensor | None = None) -> None:
    pyro.sample("v", dist.Normal(0.0, 1.0).expand([16, CLASSES]).to_event(2))


def with_a_bug(x: Tensor, y: Tensor | None = None) -> None:
    raise ValueError("my own bug")


def of_other_images(x: Tensor, y: Tensor | None = None) -> None:
    x @ torch.ones(5, 5)


def right(x: Tensor, y: Tensor | None = None) -> None:
    pyro.sample("w", dist.Normal(0.0, 1.0).expand([16, CLASSES]).to_event(2))


@pytest.mark.parametrize(
    ("guide", "options", "message"),
    [
        (of_the_image, {}, "the guide's draws of 'w' depend on the images"),
        (of_another_name, {}, "the guide does not draw 'w', which the model does; it draws v"),
        (
            with_a_bug,
            {},
            r"with_a_bug raised ValueError: my own bug on images of shape \(3, 1, 4, 4\)",
        ),
        (
            of_other_images,
            {},
            r"alone \(.*; labels need a default, y=None, image_shape is that",
        ),
        (right, {"sites": ["v"]}, "draws and the model has are w; got v"),
        (right, {"logits": "q"}, "the model has no site 'q'; it has w, y"),
    ],
    ids=["image", "name", "bug", "shape", "sites", "logits"],
)
def test_programs_that_cannot_be_right_are_refused(
    guide: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        PyroClassifier(weight_model, guide, SHAPE, **options)
