"""Networks with noise as classifiers: built, refused, trained, measured and stored."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from support.networks import draw
from torch import Tensor, nn

import pyrosnn
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.evaluation import accuracy
from pyrosnn.models import MODELS, build_model, complete_options, model_options
from pyrosnn.models.composed import Composed
from pyrosnn.models.measured import CountFloats
from pyrosnn.networks import build_network
from pyrosnn.networks.network import Features
from pyrosnn.noise import NOISES, noise_options
from pyrosnn.noise.additive import AdditiveNoise
from pyrosnn.noise.bart_lite import BartLite
from pyrosnn.noise.dropout import Dropout
from pyrosnn.noise.features import FeatureNoise
from pyrosnn.noise.input import InputNoise
from pyrosnn.noise.last_layer import LastLayer
from pyrosnn.noise.layer_inputs import LayerInputNoise
from pyrosnn.noise.learned_covariance import LearnedCovariance
from pyrosnn.noise.learned_scale import LearnedScale
from pyrosnn.noise.members import MemberWeights
from pyrosnn.noise.noise import Noise
from pyrosnn.noise.normal_weights import NormalWeights
from pyrosnn.noise.parametric import ParametricWeights
from pyrosnn.noise.parametric_features import ParametricFeatures
from pyrosnn.noise.posterior_weights import PosteriorWeights
from pyrosnn.noise.resize_pad import ResizePad
from pyrosnn.noise.stochastic_layer import StochasticLayer
from pyrosnn.noise.weights import MatrixNormalWeights
from pyrosnn.sampling import draw_sample_set
from pyrosnn.testing import check_contract

SHAPE = (1, 8, 8)
MAKE: dict[str, Callable[[], Noise]] = {
    "matrix-normal": MatrixNormalWeights,
    "input": InputNoise,
    "features": FeatureNoise,
    "layer-inputs": LayerInputNoise,
    "learned-covariance": LearnedCovariance,
    "learned-scale": LearnedScale,
    "stochastic-layer": StochasticLayer,
    "additive": AdditiveNoise,
    "dropout": Dropout,
    "last-layer": LastLayer,
    "normal-weights": NormalWeights,
    "parametric-weights": ParametricWeights,
    "parametric-features": ParametricFeatures,
    "resize-pad": lambda: ResizePad(6, 7, 8),
    "bart-lite": BartLite,
    "members": MemberWeights,
    "posterior-weights": PosteriorWeights,
}
CNN = {"channels": (3, 4), "units": 6}


def plain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 10)
    )


def composed(*noise: Noise, module: bool = False, **options: Any) -> Composed:
    if module:
        return Composed(plain(), noise, image_shape=SHAPE, **options)
    torch.manual_seed(0)
    return Composed(build_network("cnn", SHAPE, 10, CNN), noise, **options)


def test_every_noise_is_tested() -> None:
    assert set(MAKE) == set(NOISES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NOISES)
def test_every_noise_keeps_the_contract_on_layers(name: str) -> None:
    noise = MAKE[name]()
    classifier = composed(noise).requires_grad_(False)
    if isinstance(noise, LastLayer):
        noise.scale.fill_(0.1)
    check_contract(classifier)


@pytest.mark.slow
@pytest.mark.parametrize(
    "noise",
    [
        MatrixNormalWeights(0.1),
        InputNoise(0.1),
        FeatureNoise(0.1, places=["0", "3"]),
        LayerInputNoise(0.1, places=["3"]),
        LearnedCovariance(below="3"),
        LearnedScale(places=["0"]),
        StochasticLayer(below="3"),
        AdditiveNoise(law="laplace", spot="first-layer"),
        Dropout(0.3, places=["2"], channels=True),
        LastLayer(),
        ParametricWeights(granularity="channel"),
        ParametricFeatures(places=["input", "3"]),
    ],
    ids=lambda noise: type(noise).__name__,
)
def test_every_noise_keeps_the_contract_on_a_module(noise: Noise) -> None:
    classifier = composed(noise, module=True).requires_grad_(False)
    if isinstance(noise, LastLayer):
        noise.scale.fill_(0.1)
    check_contract(classifier)


def test_two_noises_are_drawn_in_their_order() -> None:
    both = composed(InputNoise(0.1), Dropout(0.2, places=["active"]))
    assert both.site_names == ["noise", "mask_0"]
    assert both.per_example
    drawn = draw_sample_set(both, torch.rand(3, *SHAPE), 2, seed=0, stream="attack").tensors
    assert {name: tuple(v.shape) for name, v in drawn.items()} == {
        "noise": (2, 3, 1, 8, 8),
        "mask_0": (2, 3, 6),
    }
    check_contract(both.requires_grad_(False))


def test_channels_are_dropped_whole() -> None:
    classifier = composed(Dropout(0.5, channels=True, places=["active_0"]))
    assert classifier.site_names == ["mask_0"]
    x = torch.rand(2, *SHAPE)
    masks = draw_sample_set(classifier, x, 4, seed=0, stream="attack").tensors["mask_0"]
    assert masks.shape == (4, 2, 3)
    (edit,) = classifier.edits({"mask_0": masks})["active_0"]
    h = draw(1, 2, 3, 4, 4).float()
    assert isinstance(edit, Features)
    kept = edit.operation.value(h) / h
    assert set(kept.flatten().tolist()) <= {0.0, 2.0}
    assert torch.equal(kept[..., 0, 0] > 0, masks)


def test_what_cannot_be_composed_is_refused() -> None:
    with pytest.raises(ArgumentError, match="got no noise"):
        composed()
    with pytest.raises(ArgumentError, match=r"give image_shape=\(…\)"):
        Composed(plain(), [InputNoise()])
    with pytest.raises(ArgumentError, match="two noises have sites called noise; give one a site"):
        composed(InputNoise(), InputNoise())
    assert composed(InputNoise(), InputNoise(site="other")).site_names == ["noise", "other"]
    with pytest.raises(UnknownNameError, match="unknown place 'activ_0'; did you mean 'active_0'"):
        composed(Dropout(places=["activ_0"]))
    with pytest.raises(ArgumentError, match="name the places of the noise, of input, 0, 1"):
        composed(Dropout(), module=True)
    with pytest.raises(
        ArgumentError, match="'2' has no weights that noise can be put on; those that have are 0, 4"
    ):
        composed(MatrixNormalWeights(places=["2"]), module=True)
    tail = nn.Sequential(plain(), nn.Linear(10, 10), nn.Flatten(), nn.Linear(10, 7), nn.Tanh())
    with pytest.raises(ArgumentError, match="needs a hidden layer below '1'"):
        Composed(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), [LastLayer()], image_shape=SHAPE)
    with pytest.raises(ArgumentError, match=r"does more after '3', its last layer with weights"):
        Composed(tail, [LastLayer()], image_shape=SHAPE)
    assert Composed(tail[:-1], [LastLayer()], image_shape=SHAPE).num_classes == 7
    for make, message in (
        (lambda: FeatureNoise(0.0), "feature_variance must be > 0 and finite, got 0.0"),
        (lambda: Dropout(1.0), r"dropout must be in \(0, 1\), got 1.0"),
        (lambda: InputNoise(-1.0), "noise_variance must be > 0 and finite, got -1.0"),
        (lambda: LastLayer(0.0), "prior_precision must be > 0 and finite, got 0.0"),
    ):
        with pytest.raises(ArgumentError, match=message):
            make()


@pytest.mark.statistical
def test_a_network_of_ones_own_is_trained_and_judged(digits: Dataset) -> None:
    """Three epochs: above 60 % of the test images, for every seed of ten that were tried."""
    noisy = composed(FeatureNoise(0.05, places=["2"]), module=True)
    before = {name: value.clone() for name, value in noisy.state_dict().items()}
    state = torch.get_rng_state()
    assert pyrosnn.fit(noisy, digits, epochs=3, batch_size=50, learning_rate=5e-3) is noisy
    assert torch.equal(state, torch.get_rng_state())
    assert not any(p.requires_grad for p in noisy.parameters())
    changed = {n for n, v in noisy.state_dict().items() if not torch.equal(v, before[n])}
    assert "network.module.1.running_mean" in changed
    assert "network.module.0.weight" in changed
    assert accuracy(noisy, *digits.test_images(200), num_samples=10) > 0.6
    other = replace(digits, x_train=digits.x_train[..., :7], x_test=digits.x_test[..., :7])
    with pytest.raises(ArgumentError, match=r"takes images of shape \(1, 8, 8\), digits has"):
        pyrosnn.fit(noisy, other)


def test_an_option_names_another_network() -> None:
    assert list(model_options("bnn", "cnn")) == [
        "channels", "units", "activation", "initial_row_scale", "initial_column_scale",
    ]  # fmt: skip
    assert complete_options("bnn", {"network": "dense"}) == model_options("bnn")
    assert complete_options("bnn", {"network": "cnn", "units": 5})["units"] == 5
    with pytest.raises(ArgumentError, match="bnn has no option 'units'; it has hidden, "):
        complete_options("bnn", {"units": 5})
    with pytest.raises(UnknownNameError, match="unknown network 'cn'; did you mean 'cnn'"):
        complete_options("bnn", {"network": "cn"})
    assert noise_options("matrix-normal") == {
        "initial_row_scale": 0.05, "initial_column_scale": 1.0,
    }  # fmt: skip


def test_names_in_files_are_those_of_the_first_checkpoints() -> None:
    names = {
        "bnn": ["means.0", "means.1", "row_log_scales.0", "column_log_scales.1"],
        "sin": ["weights.0", "weights.1"],
        "laplace": ["weights.0", "mean", "scale"],
        "resnet": ["first.weight", "blocks.2.shortcut.weight", "norm.running_var", "last.bias"],
    }
    for model, expected in names.items():
        options = (
            {"hidden": (4,)} if MODELS[model].network == "dense" else {"depth": 10, "width": 1}
        )
        classifier = build_model(model, image_shape=SHAPE, num_classes=10, options=options)
        state = {name: value.clone() for name, value in classifier.state_dict().items()}
        assert set(expected) <= set(state)
        assert not [name for name in state if name.startswith(("network", "noise"))]
        other = build_model(model, image_shape=SHAPE, num_classes=10, options=options)
        other.load_state_dict(state)
        assert other.fingerprint() == classifier.fingerprint()
        with pytest.raises(RuntimeError, match="Missing key"):
            other.load_state_dict({name: state[name] for name in list(state)[1:]})
    # another network has no old files
    cnn = build_model("bnn", image_shape=SHAPE, num_classes=10, options={"network": "cnn"})
    assert "network.layers.conv_0.weight" in cnn.state_dict()


def test_memory_is_measured_in_numbers_that_are_made() -> None:
    options = {"hidden": (7, 5)}
    bnn = build_model("bnn", image_shape=SHAPE, num_classes=10, options=options)
    # each hidden unit before and after its nonlinearity, and the logits
    assert bnn.footprint().samples == 2 * (7 + 5) + 10
    sin = build_model("sin", image_shape=SHAPE, num_classes=10, options=options)
    assert sin.footprint().samples == 64 + 2 * (7 + 5) + 10  # and the noisy image
    laplace = build_model("laplace", image_shape=SHAPE, num_classes=10, options=options)
    assert laplace.footprint().samples == 10
    assert laplace.footprint().trunk == 2 * (7 + 5)
    noisy = composed(InputNoise())
    state = torch.get_rng_state()
    assert noisy.footprint().samples > 64
    assert torch.equal(state, torch.get_rng_state())


def test_views_are_not_counted() -> None:
    x = torch.rand(3, 4)
    with CountFloats() as counter:
        y = x.flatten().unsqueeze(0).expand(2, -1)
        y.relu()
        x.add_(1.0)
    assert counter.count == 24


def test_samples_of_noise_are_in_the_precision_of_the_images() -> None:
    classifier = composed(FeatureNoise(0.1)).double()
    x = torch.rand(2, *SHAPE, dtype=torch.float64)
    samples: dict[str, Tensor] = dict(
        draw_sample_set(classifier, x, 2, seed=0, stream="attack").tensors
    )
    assert {value.dtype for value in samples.values()} == {torch.float64}
    assert classifier.logits(x, samples).dtype == torch.float64
