"""Radii and bridges against the values of tables, and against exact probabilities."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from pyrosnn.certificates.bridges import (
    certified_robust_at,
    data_set_bound,
    finite_majority,
    finite_mean,
)
from pyrosnn.certificates.distribution import LowerDistribution
from pyrosnn.certificates.radii import farthest, one_sided, pairwise, shifted, two_sided
from pyrosnn.errors import ArgumentError


@pytest.mark.parametrize(
    ("first", "second", "radii"),
    [
        (0.6, 0.1, (0.253, 0.767, 0.674)),
        (0.5, 0.1, (0.0, 0.641, 0.524)),
        (0.4, 0.1, (-0.253, 0.514, 0.385)),
        (0.9, 0.05, (1.282, 1.463, 1.440)),
        (0.7, 0.3, (0.524, 0.524, 0.524)),
    ],
)
def test_three_radii_of_two_means(first: float, second: float, radii: tuple[float, ...]) -> None:
    found = [one_sided(first), two_sided(first, second), pairwise(first - second)]
    np.testing.assert_allclose(found, radii, atol=6e-4)


@pytest.mark.parametrize(
    ("accuracy", "bounds"),
    [
        (0.95, [0.908, 0.844, 0.757, 0.588]),
        (0.90, [0.833, 0.742, 0.630, 0.444]),
        (0.80, [0.700, 0.583, 0.457, 0.280]),
    ],
)
def test_a_draw_for_each_image_bounds_a_data_set(accuracy: float, bounds: list[float]) -> None:
    distances = np.array([0.1, 0.2, 0.3, 0.45]) / 0.1**0.5
    np.testing.assert_allclose(data_set_bound(accuracy, distances), bounds, atol=6e-4)
    # never above the mean over images whose probabilities differ
    each = np.random.default_rng(0).beta(4, 1, 200)
    worst = shifted(each[:, None], distances).mean(0)
    assert (data_set_bound(each.mean(), distances) <= worst).all()


def test_finite_sets_and_queries() -> None:
    margins = np.array([[0.3] * 9, [0.1] * 9, [0.3] * 8 + [0.0]])
    np.testing.assert_allclose(finite_mean(margins, 100), [0.90, 0.0, 0.0], atol=5e-3)
    np.testing.assert_allclose(finite_mean(margins, 1000), [1.0, 0.94, 0.0], atol=5e-3)
    np.testing.assert_allclose(
        [finite_majority(0.6, 11), finite_majority(0.6, 101), finite_majority(0.7, 11)],
        [0.753, 0.979, 0.922],
        atol=1e-3,
    )
    assert finite_majority(0.5, 2) == 0.25  # a tie is no majority
    assert float(certified_robust_at(0.95, 0.0, 100)) == pytest.approx(0.95**100)
    with pytest.raises(ArgumentError, match="number of queries must be >= 1, got 0"):
        certified_robust_at(0.95, 0.0, 0)


@pytest.mark.statistical
def test_the_mean_of_a_finite_set_is_right_as_often_as_promised() -> None:
    """Margins of ±1 with the given means: 20,000 sets of 40 draws."""
    means = np.array([0.4, 0.5])
    plus = np.random.default_rng(0).binomial(40, (1 + means) / 2, (20_000, 2))
    right = float((plus > 20).all(1).mean())
    assert finite_mean(means, 40) <= right
    assert right < binom.sf(20, 40, 0.75) + 0.001


def test_a_distribution_says_more_than_its_mean() -> None:
    """A soft probit (w = 1, s = 0.7, σ = 0.5, margin 0.4): the truth, where Φ⁻¹ has 0.2325."""
    spread, scale, margin = 0.7, 0.5, 0.4
    thresholds = np.arange(1, 2001) / 2000
    shares = norm.cdf((margin - spread * norm.ppf(thresholds)) / scale)
    bound = LowerDistribution(shares, 1, slack=0.0)
    distances = np.array([0.0, 0.2, 0.4, 0.6])
    truth = norm.cdf((margin - distances) / np.hypot(spread, scale))
    np.testing.assert_allclose(truth, [0.679, 0.592, 0.5, 0.408], atol=6e-4)
    found = np.array([float(bound.mean(d / scale)) for d in distances])
    assert (found <= truth + 1e-12).all()
    np.testing.assert_allclose(found, truth, atol=3e-4)
    of_mean = scale * float(one_sided(truth[0]))
    assert of_mean == pytest.approx(0.2325, abs=1e-3)
    assert (found > shifted(truth[0], distances / scale) - 3e-4).all()


def test_of_an_indicator_it_is_the_bound_of_a_mean() -> None:
    shares = np.full(100, 0.8)
    bound = LowerDistribution(shares, 1, slack=0.0)
    np.testing.assert_allclose(bound.mean(0.3), shifted(0.8, 0.3))
    less = LowerDistribution(shares, 1, slack=0.9)
    assert float(less.mean(0.0)) == 0.0  # nothing is left of the shares


def test_the_farthest_distance_is_not_known_of_what_never_holds() -> None:
    limits = np.array([1.5, -0.1])
    found = farthest(lambda t: t < limits, (2,))
    np.testing.assert_allclose(found, [1.5, np.nan])
