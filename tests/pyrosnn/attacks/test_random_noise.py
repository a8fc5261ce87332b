"""Random noise: its lengths and directions, and that V decides among its draws."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pyrosnn.attacks import FGM, NORMS, RandomNoise
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set, predict
from pyrosnn.testing import NoisyLinear


@pytest.mark.parametrize("norm", list(NORMS))
def test_every_delta_has_the_strength_and_is_no_gradient_s(
    norm: str, bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(20)
    A = draw_sample_set(bnn, x, 3, seed=0, stream="attack")
    result = RandomNoise(norm=norm, strength=0.5, draws=4, selection_samples=5)(bnn, x, y, A)
    torch.testing.assert_close(result.norm, torch.full((20,), 0.5))
    assert (result.num_gradients, result.num_queries) == (0, 4 * 5)
    assert not result.zero_gradient.any()
    along = FGM(norm=norm, strength=0.5)(bnn, x, y, A).perturbation
    product = torch.cosine_similarity(result.perturbation.flatten(1), along.flatten(1))
    assert float(product.abs().mean()) < 0.3  # of random directions in 64 dimensions 0.1


@pytest.mark.statistical
def test_the_draws_are_uniform_on_the_sphere() -> None:
    """The mean of 20,000 has a standard error of 0.004 in each direction, its square of 0.002."""
    draws = draws_of(norm="l2")
    assert float(draws.mean(0).abs().max()) < 5 * 0.0041
    assert float((draws.square().mean(0) - 1 / 3).abs().max()) < 5 * 0.0022


@pytest.mark.statistical
def test_the_draws_are_random_signs() -> None:
    draws = draws_of(norm="linf")
    assert torch.equal(draws.abs(), torch.ones_like(draws))
    assert float(draws.mean(0).abs().max()) < 5 * 0.0071
    assert float((draws[:, 0] * draws[:, 1]).mean().abs()) < 5 * 0.0071


@pytest.mark.parametrize(("norm", "strength"), [("l2", 3.0), ("linf", 0.3), ("l1", 20.0)])
def test_clipping_shortens_no_delta(norm: str, strength: float, digits: Dataset) -> None:
    """About half of a digit's pixels are 0: they have room in one direction alone."""
    x, y = digits.test_images(20)
    classifier = NoisyLinear(torch.zeros(2, 64), torch.zeros(2), noise=0.0)
    x, y = x.flatten(1), torch.zeros_like(y)
    A = draw_sample_set(classifier, x, 1, seed=0, stream="attack")
    attack = RandomNoise(norm=norm, strength=strength, draws=1, selection_samples=1)
    result = replace(attack, clip=(0.0, 1.0))(classifier, x, y, A)
    torch.testing.assert_close(result.norm, torch.full((20,), strength), rtol=0.01, atol=0.0)
    assert float(result.norm.max()) <= strength * (1 + 1e-6)
    moved = x + result.perturbation
    assert 0 <= float(moved.min())
    assert float(moved.max()) <= 1
    assert float((result.perturbation != 0).double().mean()) > 0.9  # every pixel takes part


def test_clipping_that_shortens_nothing_changes_nothing() -> None:
    classifier = NoisyLinear(torch.zeros(2, 5), torch.zeros(2), noise=0.0)
    x, y = torch.zeros(20, 5), torch.zeros(20, dtype=torch.long)
    A = draw_sample_set(classifier, x, 1, seed=0, stream="attack")
    for norm in NORMS:
        attack = RandomNoise(norm=norm, strength=1.0, draws=1, selection_samples=1)
        free, bounded = attack(classifier, x, y, A), replace(attack, clip=(-2.0, 2.0))
        torch.testing.assert_close(
            free.perturbation, bounded(classifier, x, y, A).perturbation, rtol=1e-5, atol=1e-6
        )


def draws_of(norm: str) -> Tensor:
    """Return 20,000 perturbations of strength 1 of three numbers."""
    classifier = NoisyLinear(torch.zeros(2, 3), torch.zeros(2), noise=0.0)
    x, y = torch.zeros(20_000, 3), torch.zeros(20_000, dtype=torch.long)
    A = draw_sample_set(classifier, x, 1, seed=0, stream="attack")
    attack = RandomNoise(norm=norm, strength=1.0, draws=1, selection_samples=1)
    return attack(classifier, x, y, A).perturbation


def test_more_draws_raise_no_margin_on_v(bnn: StochasticClassifier, digits: Dataset) -> None:
    """The first draws stay the same."""
    x, y = digits.test_images(20)
    A = draw_sample_set(bnn, x, 2, seed=0, stream="attack")
    V = draw_sample_set(bnn, x, 5, seed=0, stream="selection")
    attack = RandomNoise(strength=1.0, draws=1, selection_samples=5)
    few, many = (
        predict(bnn, x + replace(attack, draws=draws)(bnn, x, y, A).perturbation, V).margin(y)
        for draws in (1, 6)
    )
    assert (many <= few).all()
    assert (many < few).sum() > 10


def test_bad_settings_are_named() -> None:
    with pytest.raises(ArgumentError, match="draws must be >= 1, got 0"):
        RandomNoise(draws=0)
    with pytest.raises(ArgumentError, match="selection_samples must be >= 1, got 0"):
        RandomNoise(selection_samples=0)
