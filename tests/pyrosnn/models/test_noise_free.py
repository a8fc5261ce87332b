"""The noise-free network is the network that one would build by hand."""

from collections.abc import Callable
from typing import Any

import pyro
import pytest
import torch
from pyro.distributions import Cauchy, Normal
from torch import Tensor, nn
from torch.nn import functional

from pyrosnn.adapters import (
    Ensemble,
    MCDropout,
    PyroClassifier,
    SeededModule,
    Stochastic,
)
from pyrosnn.attacks import FGM
from pyrosnn.errors import NoNoiseFreeError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.models.noise_free import noise_free
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.noise.dropout import Dropout
from pyrosnn.noise.features import FeatureNoise
from pyrosnn.sampling import draw_sample_set, predict, replay_logits

SHAPE = (1, 8, 8)
OPTIONS: dict[str, Any] = {"hidden": (7,)}


def logits_of(classifier: StochasticClassifier, x: Tensor, number: int = 1) -> Tensor:
    network = noise_free(classifier)
    samples = draw_sample_set(network, x, number, seed=0, stream="inference")
    return replay_logits(network, x, samples)


def model(name: str) -> Composed:
    built = build_model(name, image_shape=SHAPE, num_classes=10, options=OPTIONS)
    assert isinstance(built, Composed)
    return built.requires_grad_(False)


def by_hand(classifier: Composed, x: Tensor) -> Tensor:
    """Evaluate a dense network of one hidden layer on the means of its weights."""
    first, last = (classifier.network.matrix(place) for place in ("layer_0", "last"))
    hidden = (x.flatten(1) @ first[:-1] + first[-1]).relu()
    return hidden @ last[:-1] + last[-1]


@pytest.mark.parametrize("name", ["bnn", "im", "sin", "laplace", "pni", "adv-bnn"])
def test_models_are_the_network_of_their_means(name: str) -> None:
    classifier = model(name)
    if name == "laplace":
        classifier.after_training([torch.rand(50, *SHAPE)])
        scale: Any = classifier.noise[0].scale
        assert float(scale.min()) > 0  # it is fitted
    x = torch.rand(6, *SHAPE)
    logits = logits_of(classifier, x, 3)
    torch.testing.assert_close(logits, by_hand(classifier, x).expand(3, 6, 10))


def test_a_smoothed_classifier_is_its_base() -> None:
    x, base = torch.rand(4, *SHAPE), model("bnn")
    smoothed = logits_of(Smoothed(base, variance=0.1, num_noise=3), x)
    torch.testing.assert_close(smoothed.softmax(-1), logits_of(base, x).softmax(-1))


def test_features_and_masks_of_a_composed_network() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), nn.Linear(9, 10))
    noise = [Dropout(0.5, places=["2"]), FeatureNoise(0.3, places=["1"])]
    composed = Composed(module, noise=noise, image_shape=SHAPE).requires_grad_(False)
    x = torch.rand(5, *SHAPE)
    torch.testing.assert_close(logits_of(composed, x)[0], module(x).detach())


class AddedNoise(nn.Module):
    """Noise in both modes, by a draw that is chosen."""

    def __init__(self, draw: Callable[[Tensor], Tensor]):
        super().__init__()
        self.linear, self.draw = nn.Linear(64, 10), draw

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.draw(x.flatten(1)))
        return logits


def test_modules_that_draw_in_evaluation_mode_are_at_the_means_of_their_draws() -> None:
    x = torch.rand(5, *SHAPE)
    for draw in (
        lambda h: h + 0.3 * torch.randn_like(h),
        lambda h: h * torch.normal(1.0, 0.2, h.shape),
        lambda h: functional.dropout(h, 0.3, training=True),
    ):
        module = AddedNoise(draw)
        expected = module.linear(x.flatten(1)).detach()
        torch.testing.assert_close(logits_of(Stochastic(module, SHAPE), x)[0], expected)


@pytest.mark.parametrize("dropout", [nn.Dropout(0.3), nn.AlphaDropout(0.3), nn.RReLU()])
def test_a_module_that_draws_in_training_mode_alone_is_in_evaluation_mode(
    dropout: nn.Module,
) -> None:
    """Alpha dropout at its mean mask is not what its evaluation mode is."""
    module = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 9), nn.BatchNorm1d(9), dropout, nn.Linear(9, 10)
    )
    x = torch.rand(5, *SHAPE)
    module(x)  # which moves the running statistics
    for classifier in (MCDropout(module, SHAPE), Stochastic(module, SHAPE, mode="training")):
        found = logits_of(classifier, x, 2)
        expected = module.eval()(x).detach()
        torch.testing.assert_close(found, expected.expand(2, 5, 10), rtol=0, atol=0)
        module.train()


def test_a_guide_is_at_its_means_and_hands_them_on() -> None:
    def program(x: Tensor, y: Tensor | None = None) -> Tensor:
        scale = pyro.sample("scale", Normal(0.0, 1.0))
        w = pyro.sample("w", Normal(scale, 1.0).expand([64, 10]).to_event(2))
        with pyro.plate("images", len(x)):
            logits = x.flatten(1) @ w
            pyro.sample("y", pyro.distributions.Categorical(logits=logits), obs=y)
        return logits

    loc = torch.randn(64, 10)

    def guide(x: Tensor, y: Tensor | None = None) -> None:
        scale = pyro.sample("scale", Normal(3.0, 0.5))
        pyro.sample("w", Normal(loc * scale, 0.1).to_event(2))

    x = torch.rand(5, *SHAPE)
    found = logits_of(PyroClassifier(program, guide, SHAPE), x)[0]
    expected = (x.flatten(1) @ (3.0 * loc)).log_softmax(-1)  # as a Categorical has its logits
    torch.testing.assert_close(found, expected)
    samples = {"w": torch.randn(9, 64, 10), "scale": torch.randn(9)}
    with pytest.raises(NoNoiseFreeError, match="are drawn by the classifier itself"):
        noise_free(PyroClassifier(program, samples, SHAPE))


def shuffled(h: Tensor) -> Tensor:
    return h[:, torch.randperm(64)]


class OwnSite(StochasticClassifier):
    def __init__(self) -> None:
        super().__init__(SHAPE, 10)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> dict[str, Tensor]:
        return {"w": pyro.sample("w", Cauchy(x.new_zeros(64, 10), 1.0).to_event(2))}

    def logits(self, x: Tensor, sites: Any) -> Tensor:
        logits: Tensor = x.flatten(1) @ sites["w"].squeeze(1)
        return logits


NETS = [nn.Sequential(nn.Flatten(), nn.Linear(64, 10)) for _ in range(2)]
WITHOUT: dict[str, tuple[Callable[[], StochasticClassifier], str]] = {
    "members": (lambda: Ensemble(NETS, SHAPE), "'member' .* has no mean"),
    "permutation": (lambda: Stochastic(AddedNoise(shuffled), SHAPE), "the mean of randperm in"),
    "thresholds": (
        lambda: Stochastic(AddedNoise(lambda h: h * (torch.rand_like(h) < 0.7) / 0.7), SHAPE),
        "the mean of rand_like in its forward is not known to be no noise",
    ),
    "seeds": (
        lambda: SeededModule(AddedNoise(lambda h: h + torch.randn_like(h)), SHAPE),
        "the mean of what replay='seeds' draws",
    ),
    "no mean": (OwnSite, "'w' .* has no mean"),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_no_noise_free_network_is_refused(name: str) -> None:
    make, message = WITHOUT[name]
    with pytest.raises(NoNoiseFreeError, match=message) as raised:
        noise_free(make())
    assert "Trace Shapes" not in str(raised.value)  # Pyro adds them to errors within a trace


def test_it_is_a_classifier_of_its_own() -> None:
    """It can be attacked with fresh samples; its samples are not its base's."""
    base = model("bnn")
    network = noise_free(base)
    x, y = torch.rand(4, *SHAPE), torch.arange(4)
    A = draw_sample_set(network, x, 1, seed=0, stream="attack")
    attacked = FGM(strength=0.5)(network, x, y, A).perturbation
    assert bool(attacked.flatten(1).norm(dim=1).isclose(torch.tensor(0.5)).all())
    assert predict(network, x + attacked, A).predicted.shape == (4,)
    assert network.fingerprint() != base.fingerprint()
    base.network.matrix("last").data.add_(1.0)
    assert network.fingerprint() != A.origin.classifier
