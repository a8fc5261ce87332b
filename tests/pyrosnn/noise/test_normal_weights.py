"""Mean-field normal weights: the divergence of all of them, and their place in the loss."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models import build_model
from pyrosnn.models.composed import Composed
from pyrosnn.noise.normal_weights import NormalWeights
from pyrosnn.sampling import draw_sample_set
from pyrosnn.training import preset
from pyrosnn.training.loss import make_loss

SHAPE = (1, 8, 8)


def adv_bnn(**options: Any) -> Composed:
    built = build_model("adv-bnn", image_shape=SHAPE, num_classes=10, options=options)
    assert isinstance(built, Composed)
    return built


def divergence(classifier: Composed, x: Tensor, y: Tensor, num_images: int = 1) -> float:
    """Return what a weight of 1 adds to the loss."""
    spec = preset("adv-bnn", images="clean")
    losses = []
    for weight in (1.0, 0.0):
        torch.manual_seed(7)
        made = make_loss(classifier, replace(spec, kl_weight=weight), num_images=num_images)
        losses.append(float(made(x, y).detach()))
    return losses[0] - losses[1]


@pytest.mark.parametrize("network", ["dense", "cnn"])
def test_the_divergence_is_that_of_all_weights(network: str, digits: Dataset) -> None:
    """log(s₀/s) + (s² + m²) / 2s₀² - 1/2 of each; the authors' VGG counts the last layer alone."""
    x, y = digits.x_train[:5].double(), digits.y_train[:5]
    classifier = adv_bnn(network=network, prior_scale=0.3, initial_scale=0.02).double()
    (noise,) = classifier.noise
    assert isinstance(noise, NormalWeights)
    with torch.no_grad():
        for log_scale in noise.log_scales:
            log_scale.add_(torch.randn_like(log_scale))
    expected = []
    for place, log_scale in zip(noise.place_of.values(), noise.log_scales, strict=True):
        m, s = classifier.network.matrix(place), log_scale.exp()
        expected.append(
            float(((0.3 / s).log() + (s**2 + m**2) / (2 * 0.3**2) - 0.5).sum().detach())
        )
    assert len(expected) == {"dense": 3, "cnn": 4}[network]
    assert divergence(classifier, x, y) == pytest.approx(sum(expected), rel=1e-9)
    assert divergence(classifier, x, y, 50) == pytest.approx(sum(expected) / 50, rel=1e-9)
    assert min(expected) > 0


def test_weights_that_are_the_prior_have_no_divergence(digits: Dataset) -> None:
    classifier = adv_bnn(prior_scale=0.3, initial_scale=0.3).double()
    with torch.no_grad():
        for parameter in classifier.network.parameters():
            parameter.zero_()
    found = divergence(classifier, digits.x_train[:5].double(), digits.y_train[:5])
    assert found == pytest.approx(0, abs=1e-9)


@pytest.mark.statistical
def test_weights_have_their_law(digits: Dataset) -> None:
    """Mean m and deviation s, bias included; 5 standard errors of 5,000 draws."""
    x, number = digits.x_test[:2], 5_000
    classifier = adv_bnn(hidden=(), initial_scale=0.05).requires_grad_(False)
    weights = draw_sample_set(classifier, x, number, seed=0, stream="attack").tensors["weight_0"]
    assert weights.shape == (number, 1, 65, 10)  # one for all images
    matrix = classifier.network.matrix("last")
    errors = (weights.mean((0, 1)) - matrix) / (0.05 / math.sqrt(number))
    assert float(errors.abs().max()) < 5
    assert float((weights.std(0) / 0.05 - 1).abs().max()) < 5 / math.sqrt(2 * number)


def test_the_preset_attacks_true_labels_and_decays_no_scale() -> None:
    spec = preset("adv-bnn")
    assert (spec.images, spec.image_options["labels"]) == ("adversarial", "true")
    assert spec.image_options["clean_weight"] == 0.0
    classifier = adv_bnn(hidden=(4,))
    names = {id(p): name for name, p in classifier.named_parameters()}
    apart = [names[id(p)] for p in classifier.without_decay()]
    assert apart == ["noise.0.log_scales.0", "noise.0.log_scales.1"]


def test_scales_must_be_positive() -> None:
    for option in ("prior_scale", "initial_scale"):
        with pytest.raises(ArgumentError, match=f"{option} must be > 0 and finite, got 0"):
            adv_bnn(**{option: 0.0})
