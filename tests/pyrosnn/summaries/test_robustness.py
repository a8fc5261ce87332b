"""P(robust): exact binomials, and their coverage image by image; the interval of the mean."""

import numpy as np
import pytest
from scipy import stats
from support.simulated import planted

from pyrosnn.errors import ArgumentError
from pyrosnn.statistics import clopper_pearson, share_interval
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
    for event, values, size in (
        ("adversarial_correct", correct, 0),
        ("adversarial_correct", correct, 1),  # the same in all repeats, and yet no width of 0
        ("linear_condition", linear, 0),
    ):
        row = robustness_table(result).xs((0.5, (1, 10)[size], 100))
        bounds = [row[f"{event}{end}"] for end in ("_low", "_high")]
        np.testing.assert_allclose(bounds, share_interval(values[:, :, size].astype(float)))
        assert bounds[0] < row[event] < bounds[1]


def test_a_single_repeat_has_intervals_too() -> None:
    result = planted(np.ones((1, 4, 1), dtype=bool), cosines=[0.5], attack_samples=[1])
    found = robust_probability(result, confidence=0.9)
    np.testing.assert_allclose(found["low"], 0.05)
    np.testing.assert_allclose(found["high"], 1)
    assert np.isclose(robustness_table(result)["adversarial_correct_low"], 0.025**0.25).all()


def test_bad_arguments_are_named() -> None:
    result = planted(np.ones((2, 4, 1), dtype=bool), cosines=[0.5], attack_samples=[1])
    with pytest.raises(ArgumentError, match=r"confidence must be between 0 and 1, got 0\.0"):
        robustness_table(result, confidence=0.0)
