"""Noise of laws of the exponential family, and the bound that total variation gives."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from torch import Tensor

from pyrosnn.conditions import smoothness_constant
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import NotSmoothedError, UnknownNameError
from pyrosnn.models import build_model
from pyrosnn.models.composed import Composed
from pyrosnn.models.input_noise import input_variance
from pyrosnn.networks.network import Features
from pyrosnn.noise.additive import LAWS, AdditiveNoise
from pyrosnn.noise.symmetric_weibull import SymmetricWeibull
from pyrosnn.sampling import draw_sample_set, predict
from pyrosnn.training import preset, train

ZERO, ONE = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
MEANS = {"gaussian": 0.0, "laplace": 0.0, "exponential": 1.0, "weibull": 0.0}


@pytest.mark.parametrize("name", list(LAWS))
def test_densities_have_mass_1_and_the_moments_they_say(name: str) -> None:
    law = LAWS[name](ZERO, ONE)
    lowest = 0.0 if name == "exponential" else -30.0
    x = torch.linspace(lowest, 30, 60_001, dtype=torch.float64)
    density = law.log_prob(x).exp().numpy()
    moments = [integrate.simpson(density * x.numpy() ** power, x=x.numpy()) for power in range(3)]
    assert moments == pytest.approx([1, MEANS[name], 1 + MEANS[name] ** 2], abs=2e-4)
    assert float(law.mean) == MEANS[name]
    assert float(law.variance) == pytest.approx(1)


@pytest.mark.statistical
@pytest.mark.parametrize("name", list(LAWS))
def test_draws_follow_the_density(name: str) -> None:
    """Kolmogorov and Smirnov's test at 1e-4 on 4,000 draws."""
    drawn = LAWS[name](ZERO, ONE).expand((4000,)).sample().numpy()
    if name == "weibull":
        a, c = (2 / 3) ** (1 / 3), 0.342616

        def cumulated(x: np.ndarray) -> np.ndarray:
            tail = np.exp(a**3 - (c * np.abs(x) + a) ** 3) / 2
            return np.asarray(np.where(x > 0, 1 - tail, tail))
    else:
        cumulated = {
            "gaussian": stats.norm.cdf,
            "laplace": stats.laplace(scale=1 / math.sqrt(2)).cdf,
            "exponential": stats.expon.cdf,
        }[name]
    assert stats.kstest(drawn, cumulated).pvalue > 1e-4


def test_the_density_of_the_symmetric_law_is_flat_at_0() -> None:
    x = torch.tensor([-1e-4, 0.0, 1e-4], dtype=torch.float64)
    density = SymmetricWeibull(ZERO).log_prob(x)
    slope = (density[2] - density[1]) / 1e-4
    assert abs(float(slope)) < 1e-3
    assert float(density[0]) == float(density[2])


@pytest.mark.parametrize(("spot", "place"), [("image", "input"), ("first-layer", "conv_0")])
def test_noise_is_added_where_it_is_asked_for(spot: str, place: str, digits: Dataset) -> None:
    x = digits.x_test[:3]
    for law in LAWS:
        options = {"law": law, "spot": spot, "noise_scale": 0.5, "channels": (4,), "units": 6}
        model = build_model("pinot", image_shape=(1, 8, 8), num_classes=10, options=options)
        assert isinstance(model, Composed)
        (noise,) = model.noise
        assert isinstance(noise, AdditiveNoise)
        assert list(noise.place_of.values()) == [place]
        drawn = draw_sample_set(model, x, 2, seed=0, stream="attack").tensors["additive_0"]
        edits = noise.edits(model.network, {"additive_0": drawn})
        (edit,) = edits[place]
        assert isinstance(edit, Features)
        torch.testing.assert_close(edit.operation.value(torch.zeros(())), 0.5 * drawn)
        assert (float(drawn.min()) >= 0) == (law == "exponential")  # not centred, as the original


def test_gaussian_noise_on_the_image_has_the_smoothness_of_sin() -> None:
    options: dict[str, Any] = {"noise_scale": 0.2, "spot": "image"}
    model = build_model("pinot", image_shape=(1, 8, 8), num_classes=10, options=options)
    assert input_variance(model) == pytest.approx(0.04)
    assert smoothness_constant(input_variance(model)) == pytest.approx(24.2, abs=0.01)
    for other in ({"law": "laplace"}, {"spot": "first-layer"}):
        changed = {**options, **other}
        model = build_model("pinot", image_shape=(1, 8, 8), num_classes=10, options=changed)
        with pytest.raises(NotSmoothedError, match="not averaged over Gaussian noise"):
            input_variance(model)


GRID = torch.linspace(-40, 40, 80_001, dtype=torch.float64)


@given(shift=st.floats(0.1, 2), order=st.floats(1.1, 6))
@settings(max_examples=15)
def test_the_divergence_of_shifted_gaussian_noise(shift: float, order: float) -> None:
    """Rényi's divergence of order λ is λ |δ|² / 2σ², with σ = 1."""
    law = LAWS["gaussian"](ZERO, ONE)
    first, second = (law.log_prob(GRID - at) for at in (0.0, shift))
    integral = torch.trapezoid((order * first + (1 - order) * second).exp(), GRID)
    assert float(integral.log()) / (order - 1) == pytest.approx(order * shift**2 / 2, rel=1e-6)


@given(shift=st.floats(0.01, 3))
@settings(max_examples=15)
def test_the_divergence_of_shifted_laplace_noise(shift: float) -> None:
    """That of order ∞ is |δ| / b; its total variation is below what that allows."""
    law = LAWS["laplace"](ZERO, ONE)
    first, second = (law.log_prob(GRID - at) for at in (0.0, shift))
    largest = shift * math.sqrt(2)
    assert float((first - second).max()) == pytest.approx(largest)
    distance = float(torch.trapezoid((first.exp() - second.exp()).abs(), GRID)) / 2
    assert distance <= math.tanh(largest / 2) + 1e-6


def test_the_exponential_law_has_no_divergence() -> None:
    """A shift out of its support can be told with certainty."""
    law = LAWS["exponential"](ZERO, ONE)
    x = torch.tensor([0.05], dtype=torch.float64)
    assert bool(law.log_prob(x).isfinite())
    law = LAWS["exponential"](ZERO, ONE)
    with pytest.raises(ValueError, match="within the support"):
        law.log_prob(x - 0.1)


def total_variation(length: float, sigma: float) -> float:
    """2 Φ(|δ| / 2σ) - 1."""
    return float(2 * stats.norm.cdf(length / (2 * sigma)) - 1)


def test_a_half_space_reaches_the_bound_of_total_variation() -> None:
    """E 1{w · (x + ε) > 0} moves by exactly the bound, for δ along w across the boundary."""
    sigma, length = 0.25, 0.3
    at = stats.norm.cdf(length / 2 / sigma) - stats.norm.cdf(-length / 2 / sigma)
    assert at == pytest.approx(total_variation(length, sigma))


@pytest.mark.statistical
def test_mean_predictions_change_by_no_more_than_total_variation(digits: Dataset) -> None:
    """|f(x + δ) - f(x)| ≤ 2 Φ(|δ| / 2σ) - 1, with 5 standard errors of 200 samples each.

    The errors are at most 1/2 / sqrt(200) each. A δ that is the difference of two images of other
    classes comes close to what is possible.
    """
    options = {"spot": "image", "channels": (8,), "units": 16}
    model = train(preset("pinot", epochs=4, options=options), digits)
    sigma = input_variance(model) ** 0.5
    x = digits.x_test[:20]
    for share in (0.05, 0.1, 1.0):
        delta: Tensor = share * (digits.x_test[20:40] - x)
        values = [
            predict(model, at, draw_sample_set(model, at, 200, seed=seed, stream="attack")).values
            for seed, at in enumerate((x, x + delta))
        ]
        change = (values[1] - values[0]).abs().amax(-1)
        lengths = delta.flatten(1).norm(dim=1).tolist()
        bounds = torch.tensor([total_variation(length, sigma) for length in lengths])
        assert bool((change <= bounds + 5 * 0.5 * (2 / 200) ** 0.5).all())


def test_unknown_laws_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown law 'gausian'; did you mean 'gaussian'"):
        AdditiveNoise(law="gausian")
