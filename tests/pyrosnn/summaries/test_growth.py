"""The growth of the cosine: read off what was measured, and how sure its advice is."""

import math

import numpy as np
import pytest
import xarray as xr
from scipy import optimize, special, stats
from support.growth import resampled

from pyrosnn.summaries import advise, mean_cosine
from pyrosnn.summaries.growth import Growth

SIZES = [1.0, 10.0, 100.0, 1000.0]
FOLDS = 20


def measured(curve: list[float], images: int = 3) -> xr.Dataset:
    """Moments whose cosines follow a curve at ``SIZES``, S_I = 10, equal for all images."""
    values = np.tile(curve, (images, 1))
    dims = ("example", "subset")
    ones = (("example", "direction"), np.ones((images, 2)))
    return xr.Dataset(
        {
            "resampled_cosine": (dims, values),
            "resampled_cosine_without": ((*dims, "fold"), np.repeat(values[..., None], FOLDS, -1)),
            "direction_square": ones,
            "direction_trace": (ones[0], 30 * ones[1]),
            "direction_square_without": ((*ones[0], "fold"), np.ones((images, 2, FOLDS))),
        },
        coords={
            "subset": SIZES,
            "direction": ["attack", "condition"],
            "fold": np.arange(FOLDS),
            "resampled_inference": 10.0,
        },
    )


def test_it_meets_what_was_measured_and_goes_on_without_a_step() -> None:
    curve = [0.2, 0.5, 0.7, 0.75]
    growth = Growth(measured(curve), 10)
    np.testing.assert_allclose(growth.means(np.array(SIZES)), curve)
    at, after, end = growth.means(np.array([1000.0, 1001.0, math.inf]))
    assert at <= after < at + 1e-4
    assert at < end < 1
    inside = growth.means(np.array([math.sqrt(10)]))[0]
    assert inside == pytest.approx(0.35)  # half way, on the scale of log S_A
    for share in (0.4, 0.9, 0.99):
        needed = growth.needed(share)
        assert growth.means(np.array([needed]))[0] == pytest.approx(share * end)


def test_a_tail_of_its_own_law_has_its_ceiling() -> None:
    sizes = np.array(SIZES)
    curve = 0.8 / np.sqrt(1 + (50 / sizes) ** 0.9)
    growth = Growth(measured(curve.tolist()), 10)
    assert growth.means(np.array([math.inf]))[0] == pytest.approx(0.8)
    assert growth.needed(0.99) == pytest.approx(50 / (0.99**-2 - 1) ** (1 / 0.9))


def test_another_inference_set_has_the_noise_of_its_size() -> None:
    moments = measured([0.2, 0.5, 0.7, 0.75])
    ratio = mean_cosine(moments, [10], 100).item() / 0.5
    assert ratio == pytest.approx(math.sqrt((1 + 30 / 10) / (1 + 30 / 100)))


def test_images_without_a_direction_are_counted_and_left_out() -> None:
    moments = measured([0.2, 0.5, 0.7, 0.75], images=4)
    moments["resampled_cosine"][0, 1] = np.nan
    moments["resampled_cosine_without"][0, 1] = np.nan
    found = advise(moments, inference_samples=10)
    assert found.undetermined == 1
    others = advise(moments.isel(example=slice(1, None)), inference_samples=10)
    assert (found.samples, found.low, found.high) == (others.samples, others.low, others.high)


def test_no_number_is_enough_without_a_way_to_the_boundary() -> None:
    for curve in ([-0.1] * 4, [math.nan] * 4):
        found = advise(measured(curve), inference_samples=10)
        assert (found.samples, found.low, found.high) == (math.inf, 1, math.inf)


D = 30
LENGTHS = np.geomspace(0.3, 1.5, 20)  # ‖μ‖; B = D / ‖μ‖² is 13 to 333 samples


def expected_cosine(size: float) -> float:
    """Return the exact mean over images of E ⟨ĝ, μ̂⟩, for g ~ N(μ, I / S)."""
    m = LENGTHS * math.sqrt(size)
    ratio = math.exp(special.gammaln((D + 1) / 2) - special.gammaln(D / 2 + 1))
    each = m / math.sqrt(2) * ratio * special.hyp1f1(0.5, D / 2 + 1, -(m**2) / 2)
    return float(each.mean())


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("number", [400, 2000])
def test_the_advice_holds_the_truth_as_often_as_it_says(number: int) -> None:
    """Gaussian gradients with a known ceiling of 1, need 420: 40 advices of 90 % intervals.

    Fewer than 30 of 40 hold it less than once in 200. The middle advice is within a factor 1.5.
    """
    truth = optimize.brentq(lambda size: expected_cosine(size) - 0.95, 1, 1e5)
    rng = np.random.default_rng(number)
    mean = np.zeros((20, D))
    mean[:, 0] = LENGTHS
    advices = []
    for _ in range(40):
        unit = 10  # sums of ten samples, of which the sizes from 10 on are made
        attack = unit * mean + math.sqrt(unit) * rng.standard_normal((number // unit, 20, D))
        found = grown(attack, mean, unit)
        advices.append(advise(found, inference_samples=1))
    held = sum(advice.low <= truth <= advice.high for advice in advices)
    assert stats.binom.cdf(29, 40, 0.9) < 1 / 200
    assert held >= 30
    assert 1 / 1.5 < np.median([advice.samples for advice in advices]) / truth < 1.5


def grown(sums: np.ndarray, mean: np.ndarray, unit: int) -> xr.Dataset:
    """Return what is measured of sums of samples; the moments do not matter."""
    found = resampled(sums, mean[None], together=unit).dropna("subset", how="all")
    others = measured(SIZES, images=len(mean))[["direction_square", "direction_square_without"]]
    return found.merge(others.drop_vars(["subset", "resampled_inference"], errors="ignore"))
