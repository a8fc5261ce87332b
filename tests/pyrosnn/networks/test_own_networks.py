"""Networks of one's own that noise could be lost in: it acts, or is refused with the reason."""

from collections.abc import Callable
from typing import Any

import pyro
import pytest
import torch
from torch import Tensor, nn

import pyrosnn
from pyrosnn.adapters import MCDropout
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, NotStochasticError, UnknownNameError
from pyrosnn.models import build_model
from pyrosnn.models.composed import Composed
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.networks.dense import Dense
from pyrosnn.networks.layer import Flatten
from pyrosnn.networks.layered import LayeredNetwork
from pyrosnn.noise.dropout import Dropout
from pyrosnn.noise.features import FeatureNoise
from pyrosnn.noise.input import InputNoise
from pyrosnn.noise.last_layer import LastLayer
from pyrosnn.noise.weights import MatrixNormalWeights
from pyrosnn.sampling import draw_sample_set, replay_logits
from pyrosnn.testing import check_contract

SHAPE = (1, 8, 8)


class Transformer(nn.Module):
    """Eight tokens of eight pixels; torch fuses its layers where no gradient is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.last = nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(self.layer(x.flatten(1, 2)).flatten(1))
        return logits


@pytest.mark.parametrize(
    "noise",
    [
        FeatureNoise(1.0, places=["layer.dropout1"]),
        MatrixNormalWeights(0.5, places=["layer.linear1"]),
    ],
    ids=lambda noise: type(noise).__name__,
)
def test_noise_in_a_fused_layer_acts(noise: Any) -> None:
    torch.manual_seed(0)
    classifier = Composed(Transformer(), [noise], image_shape=SHAPE).requires_grad_(False)
    x = torch.rand(4, *SHAPE)
    samples = draw_sample_set(classifier, x, 5, seed=0, stream="attack")
    with torch.enable_grad():
        expected = classifier.logits(x.clone().requires_grad_(), samples.tensors).detach()
    found = replay_logits(classifier, x, samples)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert float(found.std(0).mean()) > 0.01
    assert torch.backends.mha.get_fastpath_enabled()
    check_contract(classifier)


class Tenfold(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 10 * super().forward(x)


class TokensFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rows, self.last = nn.Linear(8, 4), nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.rows(x.squeeze(1).movedim(1, 0))  # (token, image, feature)
        logits: Tensor = self.last(tokens.movedim(0, 1).flatten(1))
        return logits


class ByKeyword(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.flat, self.last = nn.Flatten(), nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(input=self.flat(input=x))
        return logits


class Together(nn.Module):
    """Normalises by the batch."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean(0)).flatten(1)[:, :3]


def refuse(message: str, *noise: Any, network: Any, shape: Any = SHAPE) -> None:
    with pytest.raises(ArgumentError, match=message):
        Composed(network, noise, image_shape=shape)


def plain() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 3))


@pytest.mark.usefixtures("as_users_call")
def test_places_that_are_none_say_why() -> None:
    refuse("calls it 2 times", Dropout(places=["1"]), network=nn.Sequential(
        nn.Flatten(), act := nn.ReLU(), nn.Linear(64, 6), act, nn.Linear(6, 3)
    ))  # fmt: skip
    refuse("does not begin with the axis of images", MatrixNormalWeights(places=["rows"]),
           network=TokensFirst())  # fmt: skip
    refuse("'1' has no weights that noise can be put on; those that have are 2",
           MatrixNormalWeights(places=["1"]),
           network=nn.Sequential(nn.Flatten(), Tenfold(64, 6), nn.Linear(6, 3)))  # fmt: skip
    refuse("no weights that noise", MatrixNormalWeights(), network=nn.Flatten())
    refuse("no weights that noise", MatrixNormalWeights(places=[]), network=plain())
    refuse("'2' is named twice", Dropout(places=["2", "2"]), network=plain())
    refuse("must be a list of names, got '2'; give", Dropout(places="2"), network=plain())
    refuse("cannot be evaluated on images", InputNoise(), network=plain(), shape=(1, 7, 7))
    refuse("image_shape must be a shape", InputNoise(), network=plain(), shape=64)
    refuse(r"must be a torch\.nn\.Module, got a function", InputNoise(), network=lambda x: x)
    normed = nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False), plain())
    refuse("batch norm '0' has no running statistics", InputNoise(), network=normed)
    refuse("change by .* with the other images of its batch", InputNoise(), network=Together())
    refuse("expected noises of pyrosnn.noise", nn.Dropout(), network=plain())
    refuse("expected noises", "dropout", network=plain())
    given: Any = Dropout()
    with pytest.raises(ArgumentError, match="noise must be a list"):
        Composed(plain(), given, image_shape=SHAPE)


def test_two_noises_on_the_same_weights_are_refused() -> None:
    refuse("two noises are on the weights of '3'", MatrixNormalWeights(), LastLayer(),
           network=plain())  # fmt: skip
    below = MatrixNormalWeights(places=["1"])
    assert Composed(plain(), [below, LastLayer()], image_shape=SHAPE).site_names == [
        "weight_0", "last_layer",
    ]  # fmt: skip


def test_a_noise_belongs_to_one_classifier() -> None:
    noise = Dropout(places=["2"])
    Composed(plain(), [noise], image_shape=SHAPE)
    refuse("this Dropout is part of another classifier", noise, network=plain())


def test_noise_that_reaches_no_logits_is_refused() -> None:
    network = LayeredNetwork(SHAPE, 3)
    network.add("flat", Flatten())
    network.add("dead", Dense(64, 3), "flat")
    network.add("last", Dense(64, 3), "flat")
    with pytest.raises(ArgumentError, match="no noise reaches the logits from dead"):
        Composed(network, [Dropout(places=["dead"])])
    both = Composed(network, [Dropout(places=["dead", "flat"])])
    x = torch.rand(4, *SHAPE)
    samples = draw_sample_set(both, x, 5, seed=0, stream="attack")
    torch.testing.assert_close(
        replay_logits(both, x, samples), both.logits(x, samples.tensors).detach()
    )


def test_a_forward_of_the_modules_own_is_put_back() -> None:
    module = plain()
    own = module[2].forward
    module[2].forward = lambda x: own(x) + 1.0
    classifier = Composed(module, [FeatureNoise(0.1, places=["2"])], image_shape=SHAPE)
    x = torch.rand(4, *SHAPE)
    samples = draw_sample_set(classifier, x, 3, seed=0, stream="attack")
    first, second = (replay_logits(classifier, x, samples) for _ in range(2))
    assert torch.equal(first, second)
    noise = samples.tensors["features_0"]
    expected = module[3](module[2](module[1](x.flatten(1))) + noise)
    torch.testing.assert_close(first, expected.detach())


def test_a_part_may_be_called_by_keyword() -> None:
    noise = [FeatureNoise(0.1, places=["flat"]), MatrixNormalWeights(places=["last"])]
    check_contract(Composed(ByKeyword(), noise, image_shape=SHAPE).requires_grad_(False))


class Silent(Composed):
    """Draws nothing."""

    def sample_sites(self, x: Tensor, images: pyro.plate) -> dict[str, Tensor]:
        return {}


def test_a_classifier_that_draws_nothing_is_no_stochastic_one() -> None:
    silent = Silent(plain(), [InputNoise()], image_shape=SHAPE)
    with pytest.raises(NotStochasticError, match="the Silent draws no sample site; draw its"):
        draw_sample_set(silent, torch.rand(2, *SHAPE), 2, seed=0, stream="attack")


class Restless(nn.Module):
    """Calls a part for bright images alone."""

    def __init__(self) -> None:
        super().__init__()
        self.act, self.last = nn.ReLU(), nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = x.flatten(1)
        logits: Tensor = self.last(self.act(h) if bool(x.mean() > 0.1) else h)
        return logits


def test_a_place_that_is_not_called_is_found() -> None:
    classifier = Composed(Restless(), [Dropout(places=["act"])], image_shape=SHAPE)
    samples = draw_sample_set(classifier, torch.rand(2, *SHAPE), 2, seed=0, stream="attack")
    with pytest.raises(ArgumentError, match="'act' was called 0 times, and once when"):
        classifier.logits(torch.zeros(2, *SHAPE), samples.tensors)


@pytest.mark.parametrize("model", ["bnn", "sin", "laplace"])
def test_a_classifier_within_another_loads_its_own_state(model: str) -> None:
    options = {"hidden": (4,)}
    first, second = (
        Smoothed(
            build_model(model, image_shape=SHAPE, num_classes=3, options=options), variance=0.1
        )
        for _ in range(2)
    )
    state = first.state_dict()
    assert any(name.startswith(("base.means", "base.weights")) for name in state)
    second.load_state_dict(state)
    assert first.fingerprint() == second.fingerprint()


def test_a_frozen_part_stays_frozen(digits: Dataset) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 10))
    module[1].requires_grad_(False)
    noisy = Composed(module, [FeatureNoise(0.1, places=["2"])], image_shape=SHAPE)
    pyrosnn.fit(noisy, digits, epochs=1)
    moved = {
        name: not torch.equal(value, noisy.network.get_parameter(f"module.{name}"))
        for name, value in module.named_parameters()
    }
    assert moved == {"1.weight": False, "1.bias": False, "3.weight": True, "3.bias": True}


def test_a_second_training_begins_with_the_mean_alone(digits: Dataset) -> None:
    noise = LastLayer()
    laplace = Composed(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 10)),
        [noise],
        image_shape=SHAPE,
    )
    pyrosnn.fit(laplace, digits, epochs=1)
    assert bool((noise.scale > 0).all())
    laplace.before_training()
    assert not noise.scale.any()
    pyrosnn.fit(laplace, digits, epochs=1)
    assert bool((noise.scale > 0).all())


FIT: list[tuple[Callable[[], Any], dict[str, Any], str]] = [
    (plain, {}, "classifier must be a StochasticClassifier, got a Sequential"),
    (
        lambda: Composed(plain().double(), [InputNoise()], image_shape=SHAPE),
        {},
        r"takes pixels of type torch\.float64, digits has torch\.float32",
    ),
    (
        lambda: Composed(plain(), [InputNoise()], image_shape=SHAPE),
        {},
        "takes as number of classes 3, digits has 10",
    ),
    (
        lambda: MCDropout(nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 10)), SHAPE),
        {},
        "a MCDropout is trained by its owner",
    ),
    (
        lambda: Composed(plain(), [InputNoise()], image_shape=SHAPE),
        {"options": {"hidden": (3,)}},
        "'options' belongs to a row of MODELS",
    ),
]


@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize(("make", "changes", "message"), FIT)
def test_what_cannot_be_trained_here_is_refused(
    make: Callable[[], Any], changes: dict[str, Any], message: str, digits: Dataset
) -> None:
    with pytest.raises(ArgumentError, match=message):
        pyrosnn.fit(make(), digits, **changes)


def test_a_setting_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnknownNameError, match="unknown setting 'epoch'; did you mean 'epochs'"):
        pyrosnn.preset("bnn", epoch=3)
    with pytest.raises(ArgumentError, match="network must be a name"):
        pyrosnn.preset("bnn", options={"network": 3})
    with pytest.raises(ArgumentError, match="hidden must be a list of integers, got 64"):
        build_model("bnn", image_shape=SHAPE, num_classes=3, options={"hidden": 64})
