"""Smoothed classifiers: the average they are, their Pyro form, and their constant L."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pyro import poutine
from support.toy import LinearClassifier
from torch import Tensor

from pyrosnn.attacks import FGM
from pyrosnn.conditions import CONSTANTS, cutoff, smoothness_constant
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set, replay_logits
from pyrosnn.shapes import Sites


@pytest.fixture(scope="module")
def smoothed(bnn: StochasticClassifier) -> Smoothed:
    return Smoothed(bnn, variance=0.1, num_noise=4)


# weights, and noise and masks that are drawn for each image
@pytest.fixture(scope="module", params=["bnn", "sin", "resnet"])
def any_smoothed(
    request: pytest.FixtureRequest, classifiers: dict[str, StochasticClassifier]
) -> Smoothed:
    return Smoothed(classifiers[request.param], variance=0.1, num_noise=4)


def test_it_is_the_mean_over_its_noises(any_smoothed: Smoothed, digits: Dataset) -> None:
    smoothed = any_smoothed
    x = digits.x_test[:7]
    samples = draw_sample_set(smoothed, x, 5, seed=0, stream="attack")
    noise = samples.tensors["smoothing_noise"]
    assert noise.shape == (5, 7, 4, 1, 8, 8)
    weights = {n: value for n, value in samples.tensors.items() if n != "smoothing_noise"}
    f = smoothed.discriminants(x, samples.tensors)
    for s in range(5):
        one = {name: value[s : s + 1] for name, value in weights.items()}
        each = [smoothed.base.discriminants(x + noise[s, :, k], one)[0] for k in range(4)]
        torch.testing.assert_close(f[s], torch.stack(each).mean(0), atol=1e-6, rtol=1e-5)


def test_logits_are_averaged_as_logits() -> None:
    base = LinearClassifier(3, 2)
    both = Smoothed(base, variance=0.5, num_noise=6)
    x = torch.randn(4, 3).double()
    samples = draw_sample_set(both, x, 2, seed=0, stream="attack")
    mean_noise = samples.tensors["smoothing_noise"].mean(2)
    expected = base.logits(x + mean_noise, samples.tensors)  # linear: the mean goes inside
    torch.testing.assert_close(both.logits(x, samples.tensors), expected)


def test_the_pyro_model_gives_the_same_logits(any_smoothed: Smoothed, digits: Dataset) -> None:
    smoothed = any_smoothed
    x = digits.x_test[:5]
    samples = draw_sample_set(smoothed, x, 3, seed=0, stream="attack")
    replayed = replay_logits(smoothed, x, samples)
    for s in range(3):
        values = {
            name: value[s] if name in samples.per_image else value[s, 0]
            for name, value in samples.tensors.items()
        }
        trace = poutine.trace(poutine.condition(smoothed.model, data=values)).get_trace(x)
        labels = trace.nodes["y"]["fn"]
        own = labels.logits  # type: ignore[attr-defined]
        expected = replayed[s].log_softmax(-1)
        torch.testing.assert_close(own.log_softmax(-1), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.statistical
def test_noise_has_the_variance_asked_for(smoothed: Smoothed, digits: Dataset) -> None:
    # 102,400 values: the standard error of the variance is 0.1 √(2 / 102,400) = 0.00044
    samples = draw_sample_set(smoothed, digits.x_test[:50], 8, seed=0, stream="attack")
    noise = samples.tensors["smoothing_noise"]
    assert abs(float(noise.var()) - 0.1) < 5 * 0.00045
    assert abs(float(noise.mean())) < 5 * (0.1 / 102_400) ** 0.5


def test_it_can_be_attacked_and_judged(smoothed: Smoothed, digits: Dataset) -> None:
    """A gap of 30 between logits still gives a direction through the average over noises."""
    x, y = digits.test_images(20)
    a, i = disjoint_sample_sets(smoothed, x, attack=3, inference=5, seed=0)
    constants = [smoothness_constant(0.1, which) for which in CONSTANTS]
    found = evaluate(
        smoothed,
        x,
        y,
        attack=FGM(),
        attack_samples=a,
        inference_samples=i,
        strengths=[0.0, 0.1, 0.32, 0.46],
        smoothness=constants,
    )
    assert not found["zero_gradient"].any()
    held = found["smooth_condition"].isel(attack_samples=0, inference_samples=0)
    paper, tight = (held.sel(smoothness=constant) for constant in constants)
    assert bool((tight >= paper).all())  # the smaller L promises more
    assert bool((found["linear_condition"].squeeze() >= tight).all())
    assert not paper.sel(strength=0.32).any()  # beyond √(2/20) = 0.316
    assert not held.sel(strength=0.46).any()  # beyond √(2/9.68) = 0.4545
    assert bool(paper.sel(strength=0.0).any())


def test_a_saturated_network_keeps_its_direction(digits: Dataset) -> None:
    """Logits that differ by 60: the gradient through the mean over noises is the base's."""

    class Saturated(LinearClassifier):
        output = "probs"

        def logits(self, x: Tensor, sites: Sites) -> Tensor:
            first = 30.0 + x.sum(-1, keepdim=True)
            return torch.cat([first, -first], -1).expand(len(sites["weight"]), *x.shape[-2:-1], 2)

    base = Saturated(3, 2).float()
    both = Smoothed(base, variance=0.01, num_noise=5)
    x, y = torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64)
    samples = draw_sample_set(both, x, 2, seed=0, stream="attack")
    result = FGM(strength=1.0)(both, x, y, samples)
    expected = torch.full((4, 3), -1 / math.sqrt(3))
    torch.testing.assert_close(result.perturbation, expected, atol=1e-4, rtol=1e-4)


def test_the_tight_constant_is_the_largest_curvature() -> None:
    """h = sign(z² - 1) attains E|z² - 1| / σ² = 4 φ(1) / σ²: no h in [-1, 1] bends more."""
    z = np.linspace(-12, 12, 2_400_001)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    largest = float((np.abs(z * z - 1) * density).sum() * (z[1] - z[0]))
    assert CONSTANTS["tight"] == pytest.approx(largest, rel=1e-6)
    assert smoothness_constant(0.1, "paper") == pytest.approx(20.0)
    assert smoothness_constant(0.1) == pytest.approx(9.6788, rel=1e-4)


@given(margin=st.floats(1e-6, 1.0), slope=st.floats(0.0, 10.0), L=st.floats(0.01, 100.0))
def test_beyond_the_cutoff_no_margin_is_left(margin: float, slope: float, L: float) -> None:
    length = cutoff(L) * (1 + 1e-9)
    assert margin - slope * length - L / 2 * length**2 <= 1e-8


@given(L=st.floats(0.01, 100.0))
def test_up_to_the_cutoff_a_margin_of_one_is_left(L: float) -> None:
    length = cutoff(L) * (1 - 1e-9)
    assert 1.0 - L / 2 * length**2 > 0


def test_bad_settings_are_named(bnn: StochasticClassifier) -> None:
    with pytest.raises(ArgumentError, match=r"variance must be > 0, got 0\.0"):
        Smoothed(bnn, variance=0.0)
    with pytest.raises(ArgumentError, match="num_noise must be >= 1, got 0"):
        Smoothed(bnn, variance=0.1, num_noise=0)
    with pytest.raises(UnknownNameError, match="unknown constant 'tigth'; did you mean 'tight'"):
        smoothness_constant(0.1, "tigth")
    with pytest.raises(ArgumentError, match=r"smoothness must be > 0, got 0\.0"):
        cutoff(0.0)
