"""P(robust): exact binomials; coverage image by image and for the data set."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from support.simulated import outcomes, planted

from pyrosnn.errors import ArgumentError
from pyrosnn.results import GROUP
from pyrosnn.statistics import clopper_pearson
from pyrosnn.summaries import robust_probability, robustness_table


@pytest.mark.statistical
@pytest.mark.parametrize("trials", [5, 20])
@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.9])
def test_it_covers_at_least_at_its_level(p: float, trials: int) -> None:
    """20,000 images: at least 95 % - 4 standard errors (0.6 points); the exact rate within 4."""
    correct = np.random.default_rng(8).random((trials, 20_000, 1)) < p
    found = robust_probability(planted(correct, cosines=[0.5], attack_samples=[10]))
    found = found.sel(event="adversarial_correct").squeeze()
    covered = float(((found["low"] <= p) & (p <= found["high"])).mean())
    assert covered >= 0.95 - 4 * (0.95 * 0.05 / 20_000) ** 0.5, covered
    # what the binomial distribution says that these intervals cover
    low, high = clopper_pearson(np.arange(trials + 1), trials)
    chances = stats.binom.pmf(np.arange(trials + 1), trials, p)
    exact = chances[(low <= p) & (p <= high)].sum()
    assert abs(covered - exact) <= 4 * (exact * (1 - exact) / 20_000) ** 0.5 + 1e-12


def test_both_events_are_counted_over_repeats() -> None:
    correct = np.zeros((4, 3, 2), dtype=bool)
    correct[:3, 0, 0] = True  # 3 of 4
    correct[:, 2, 1] = True  # all
    linear = np.zeros_like(correct)
    linear[:1, 0, 0] = True
    result = planted(correct, linear=linear, cosines=[0.5, 0.6], attack_samples=[1, 10])
    found = robust_probability(result).squeeze()
    assert found["probability"].dims == ("event", "example", "attack_samples")
    attack = found.sel(event="adversarial_correct")["probability"]
    assert attack.values.tolist() == [[0.75, 0], [0, 0], [0, 1]]
    assert found.sel(event="linear_condition")["probability"].values.tolist()[0] == [0.25, 0]
    low, high = clopper_pearson(np.array([3]), 4)
    cell = found.sel(event="adversarial_correct", example=0, attack_samples=1)
    assert (float(cell["low"]), float(cell["high"])) == (low[0], high[0])

    table = robustness_table(result).xs((0.5, 1, 100))
    assert table["adversarial_correct"] == pytest.approx(0.25)
    assert table["linear_condition"] == pytest.approx(1 / 12)
    shares = np.array([1, 1, 1, 0]) / 3
    reach = stats.t.ppf(0.975, 3) * shares.std(ddof=1) / 2
    assert table["adversarial_correct_high"] == pytest.approx(0.25 + reach)
    assert table["adversarial_correct_low"] == 0  # 0.25 - reach < 0: no probability
    same = robustness_table(result).xs((0.5, 10, 100))
    assert same["adversarial_correct"] == pytest.approx(1 / 3)
    assert np.isnan(same["adversarial_correct_low"])  # no spread is known


def test_a_single_repeat_has_images_intervals_and_no_other() -> None:
    result = planted(np.ones((1, 4, 1), dtype=bool), cosines=[0.5], attack_samples=[1])
    found = robust_probability(result, confidence=0.9)
    np.testing.assert_allclose(found["low"], 0.05)
    np.testing.assert_allclose(found["high"], 1)
    assert np.isnan(robustness_table(result)["adversarial_correct_high"]).all()


@pytest.mark.statistical
@pytest.mark.parametrize("shared", [0.3, 1.5])
def test_the_mean_is_covered_although_images_share_samples(shared: float) -> None:
    """2,000 experiments of 5 repeats, images in blocks of 50: 95 % within 5 standard errors (2.4).

    An interval over images as if they were independent covers far less.
    """
    rng = np.random.default_rng(9)
    experiments, images = 2000, 100
    location = rng.normal(size=(1, images))
    truth = stats.norm.cdf(location / (1 + shared**2) ** 0.5).mean()
    correct = outcomes(rng, location, repeats=5, block=50, shared=shared, experiments=experiments)
    # experiments lie along S_A, which changes nothing: each is a column of the table
    values = np.moveaxis(correct, 0, -1)
    template = planted(values[:, :, :1], cosines=[0.5], attack_samples=[1])[GROUP].dataset
    dims = ("repeat", "example", "attack_samples")
    arrays = {
        name: xr.DataArray(
            values, dims=dims, coords={"attack_samples": np.arange(experiments) + 1}
        ).expand_dims(
            strength=template["strength"], inference_samples=template["inference_samples"]
        )
        for name in ("linear_condition", "adversarial_correct")
    }
    table = robustness_table(xr.DataTree.from_dict({GROUP: xr.Dataset(arrays)}))
    low, high = table["adversarial_correct_low"], table["adversarial_correct_high"]
    covered = float(((low <= truth) & (truth <= high)).mean())
    assert abs(covered - 0.95) < 5 * (0.95 * 0.05 / experiments) ** 0.5, covered
    pooled = correct.mean(axis=1)
    within = (pooled * (1 - pooled)).mean(axis=1)
    half = 1.96 * np.sqrt(within / (5 * images))
    naive_rate = float((abs(pooled.mean(axis=1) - truth) <= half).mean())
    assert naive_rate < 0.9 if shared > 1 else naive_rate < covered


def test_bad_arguments_are_named() -> None:
    result = planted(np.ones((2, 4, 1), dtype=bool), cosines=[0.5], attack_samples=[1])
    with pytest.raises(ArgumentError, match=r"confidence must be between 0 and 1, got 0\.0"):
        robustness_table(result, confidence=0.0)
