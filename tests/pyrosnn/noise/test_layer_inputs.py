"""Random self-ensemble: noise before each layer with weights."""

import math
from typing import Any

import pytest
import torch

from pyrosnn.certificates.certify import certify
from pyrosnn.conditions import smoothness_constant
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.models.input_noise import input_variance
from pyrosnn.noise.input import InputNoise
from pyrosnn.noise.layer_inputs import LayerInputNoise
from pyrosnn.sampling import draw_sample_set


def rse(network: str, **options: Any) -> Composed:
    model = build_model(
        "rse", image_shape=(1, 8, 8), num_classes=10, options={"network": network, **options}
    ).requires_grad_(False)
    assert isinstance(model, Composed)
    return model


@pytest.mark.parametrize(
    ("network", "options", "places"),
    [
        ("dense", {"hidden": (9, 7)}, ["active_0", "active_1"]),
        ("cnn", {"channels": (4, 6), "units": 5}, ["active_0", "flat", "active"]),
        (
            "resnet",
            {"depth": 10, "width": 1},
            [
                *("block_0_active_1", "block_0_active_2", "block_1_active_1", "block_1_active_2"),
                *("block_2_active_1", "block_2_active_2", "pool"),
            ],
        ),
    ],
)
def test_noise_comes_before_every_layer_with_weights(
    network: str, options: dict[str, Any], places: list[str], digits: Dataset
) -> None:
    model = rse(network, **options)
    assert list(model.kinds) == ["input", *places]
    inner = model.noise[1]
    assert isinstance(inner, LayerInputNoise)
    x = digits.x_test[:3]
    drawn = draw_sample_set(model, x, 2, seed=0, stream="attack").tensors
    assert drawn["noise"].shape == (2, 3, 1, 8, 8)
    for site, place in inner.place_of.items():
        assert drawn[site].shape == (2, 3, *model.network.places[place].shape)
    # all noise at 0 is the plain network, bit for bit
    still = {site: torch.zeros_like(value[:1]) for site, value in drawn.items()}
    assert torch.equal(model.logits(x, still)[0], model.network(x))


def test_noise_of_two_linear_layers_has_a_closed_form(digits: Dataset) -> None:
    """W₂ (W₁ (x + ε₀) + ε₁) + b: without an activation the logits are linear in both."""
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 9), torch.nn.Linear(9, 10))
    inner = LayerInputNoise(places=["1"])
    model = Composed(net, [InputNoise(0.04), inner], image_shape=(1, 8, 8)).requires_grad_(False)
    x = digits.x_test[:3]
    drawn = draw_sample_set(model, x, 2, seed=0, stream="attack").tensors
    hidden = net[1]((x + drawn["noise"]).flatten(2)) + drawn["inner_0"]
    torch.testing.assert_close(model.logits(x, drawn), net[2](hidden))


@pytest.mark.statistical
def test_the_standard_deviations_are_the_originals(digits: Dataset) -> None:
    """0.2 on the image and 0.1 within; 128,000 values: 5 standard errors are 1 %."""
    model = rse("dense", hidden=(64, 64))
    drawn = draw_sample_set(model, digits.x_test[:20], 100, seed=0, stream="attack").tensors
    assert float(drawn["noise"].std()) == pytest.approx(0.2, rel=0.01)
    assert float(drawn["inner_1"].std()) == pytest.approx(0.1, rel=0.01)


def test_smoothness_and_certificates_are_those_of_the_first_noise(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """L = 4 φ(1) / σ² = 24.2 for the whole, whatever the inner noise."""
    model = classifiers["rse"]
    assert input_variance(model) == pytest.approx(0.04)
    constant = smoothness_constant(input_variance(model))
    assert constant == pytest.approx(4 * math.exp(-0.5) / math.sqrt(2 * math.pi) / 0.04)
    assert constant == pytest.approx(24.2, abs=0.01)
    x, y = digits.test_images(10)
    result = certify(model, x, y, num_samples=200, selection_samples=20, certificates=["votes"])
    assert float(result["certified_radius"].max()) > 0


def test_a_network_of_one_layer_has_no_inner_noise() -> None:
    with pytest.raises(ArgumentError, match="needs at least two layers with weights"):
        rse("dense", hidden=())


@pytest.mark.statistical
def test_the_loss_of_draws_is_at_least_that_of_the_mean_prediction(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """Jensen, for every image and on any samples."""
    x, y = digits.test_images(50)
    model = classifiers["rse"]
    logits = model.logits(x, draw_sample_set(model, x, 20, seed=0, stream="attack").tensors)
    picked = logits.log_softmax(-1)[:, torch.arange(50), y]
    of_mean = picked.exp().mean(0).log()
    assert bool((picked.mean(0) <= of_mean + 1e-6).all())
