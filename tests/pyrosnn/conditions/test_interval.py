"""The interval condition: against theorem 4.2, the truth, Cohen's radius and a linear program."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, linprog
from scipy.stats import norm

from pyrosnn.attacks import FGM
from pyrosnn.conditions import (
    CONSTANTS,
    attack_geometry,
    interval_bound,
    interval_condition,
    interval_radii,
    interval_radius,
    smooth_condition,
    smoothness_constant,
)
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, NotSmoothedError
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.models.input_noise import input_variance
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.networks import build_network
from pyrosnn.noise.dropout import Dropout
from pyrosnn.noise.features import FeatureNoise
from pyrosnn.noise.input import InputNoise
from pyrosnn.noise.noise import Noise
from pyrosnn.results import make_result
from pyrosnn.sampling import disjoint_sample_sets
from pyrosnn.summaries import interval_end, interval_values

MEANS = np.linspace(0.51, 0.999, 20)[:, None, None]
SHARES = np.linspace(-1, 1, 21)[None, :, None]  # of the steepest slope
DISTANCES = np.linspace(0, 4, 20)[None, None, :]


def steepest(mean: np.ndarray | float) -> np.ndarray:
    return np.asarray(norm.pdf(norm.ppf(mean)))


def test_it_is_never_below_theorem_4_2() -> None:
    """With the tight constant, E h falls by at most L t² / 4 below its tangent."""
    slopes = SHARES * steepest(MEANS)
    bound = interval_bound(MEANS, slopes, DISTANCES)
    parabola = MEANS + slopes * DISTANCES - CONSTANTS["tight"] / 4 * DISTANCES**2
    assert bound.shape == (20, 21, 20)
    assert (bound - parabola).min() > -1e-12
    assert (bound - parabola).max() > 0.5  # and far above it at a distance


@given(st.floats(-3, 3), st.floats(0.05, 5), st.floats(0, 4))
def test_it_is_the_truth_of_an_interval(low: float, width: float, distance: float) -> None:
    high = low + width
    mean = norm.cdf(high) - norm.cdf(low)
    slope = norm.pdf(low) - norm.pdf(high)
    truth = norm.cdf(high - distance) - norm.cdf(low - distance)
    assert float(interval_bound(mean, slope, distance)) == pytest.approx(truth, abs=1e-7)


def test_the_steepest_slope_gives_the_radius_of_smoothing() -> None:
    """And steeper ones, which only estimates have, are clipped to it."""
    mean, t = MEANS[:, 0, 0], 0.7
    for steeper in (1.0, 1.3):
        bound = interval_bound(mean, -steeper * steepest(mean), t)
        np.testing.assert_allclose(bound, norm.cdf(norm.ppf(mean) - t), atol=1e-9)
        upwards = interval_bound(mean, steeper * steepest(mean), t)
        np.testing.assert_allclose(upwards, norm.cdf(norm.ppf(mean) + t), atol=1e-9)
        # σ = 0.5: a slope of the margin is 2 / σ times one of h
        radii = interval_radius(2 * mean - 1, 4 * steeper * steepest(mean), 0.25)
        np.testing.assert_allclose(radii, 0.5 * norm.ppf(mean), atol=1e-9)
        assert np.isinf(interval_radius(2 * mean - 1, -4 * steeper * steepest(mean), 0.25)).all()


def test_a_slope_of_zero_gives_a_symmetric_interval() -> None:
    mean, t = MEANS[:, 0, 0], 1.1
    half = norm.ppf((1 + mean) / 2)
    np.testing.assert_allclose(
        interval_bound(mean, 0.0, t), norm.cdf(half - t) - norm.cdf(-half - t), atol=1e-12
    )


@pytest.mark.parametrize(
    ("mean", "share", "t"), [(0.9, 0.0, 1.2), (0.7, -0.5, 0.3), (0.95, 0.4, 2)]
)
def test_a_linear_program_agrees(mean: float, share: float, t: float) -> None:
    """The least mean over all h on 1,500 points, with the given mean and slope."""
    slope = float(share * steepest(mean))
    z = np.linspace(-7, 7, 1500)
    weights = norm.pdf(z) * (z[1] - z[0])
    shifted = norm.pdf(z - t) * (z[1] - z[0])
    found = linprog(shifted, A_eq=[weights, weights * z], b_eq=[mean, slope], bounds=(0, 1))
    assert float(interval_bound(mean, slope, t)) == pytest.approx(found.fun, abs=1e-4)


@pytest.mark.parametrize(
    ("mean", "radii"),
    [(0.6, (0.253, 0.388, 0.681, 1.247)), (0.9, (1.282, 1.429, 1.644, 1.983))],
)
def test_its_reach(mean: float, radii: tuple[float, ...]) -> None:
    """Against slopes from the steepest fall to half the steepest rise, in units of σ."""
    slopes = np.array([1.0, 0.5, 0.0, -0.5]) * 2 * steepest(mean)
    found = interval_radius(np.full(4, 2 * mean - 1), slopes, 1.0)
    np.testing.assert_allclose(found, radii, atol=6e-4)
    root = brentq(lambda t: float(interval_bound(mean, 0.0, t)) - 0.5, 0, 5)
    assert found[2] == pytest.approx(root, abs=1e-9)


def test_it_is_monotone() -> None:
    """It falls with the distance beyond the interval's middle, and rises with mean and slope."""
    slopes = np.linspace(-0.9, 0.9, 19) * steepest(0.8)
    radii = interval_radius(np.full(19, 0.6), -2 * slopes, 1.0)
    assert (np.diff(radii) > 0).all()
    margins = np.array([-1.0, 0.0, 1e-6, 0.2, 0.9, 1 - 1e-12, 1.0])
    radii = interval_radius(margins, np.zeros(7), 1.0)
    assert radii[:2].tolist() == [0, 0]
    assert (np.diff(radii[1:]) > 0).all()
    assert np.isfinite(radii).all()


def test_evaluations_have_it(bnn: StochasticClassifier, digits: Dataset) -> None:
    smoothed = Smoothed(bnn, variance=0.2, num_noise=3)
    x, y = digits.test_images(20)
    a, i = disjoint_sample_sets(smoothed, x, attack=3, inference=8, seed=0)
    values = evaluate(
        smoothed,
        x,
        y,
        attack=FGM(),
        attack_samples=a,
        inference_samples=i,
        strengths=[0.1, 0.4],
        smoothness=[smoothness_constant(0.2, which) for which in CONSTANTS],
    ).squeeze(drop=True)
    held, smooth = values["interval_condition"], values["smooth_condition"]
    assert bool((held | ~smooth).all())  # wherever theorem 4.2 holds
    assert int(held.sum()) > int(smooth.isel(smoothness=1).sum()) > 0
    for strength in (0.1, 0.4):
        attack = FGM(strength=strength)(smoothed, x, y, a)
        geometry = attack_geometry(smoothed, x, y, attack, i)
        row = values.sel(strength=strength)
        condition = interval_condition(geometry, attack, 0.2)
        assert row["interval_condition"].values.tolist() == condition.tolist()
        radii = interval_radii(geometry, 0.2)
        assert torch.isinf(radii[torch.arange(20), y]).all()
        np.testing.assert_allclose(row["interval_radius"], radii.amin(-1), rtol=1e-3, atol=1e-6)
        assert not (condition & ~geometry.correct).any()
        assert not (smooth_condition(geometry, attack, 0.97 / 0.2) & ~condition).any()
    with pytest.raises(ArgumentError, match=r"variance must be > 0, got 0\.0"):
        interval_condition(geometry, attack, 0.0)


def composed(*noise: Noise, output: str = "probs") -> Composed:
    network = build_network("dense", (1, 8, 8), 10, {"hidden": (4,)})
    return Composed(network, noise=noise, output=output)


def test_only_noise_on_the_image_counts(bnn: StochasticClassifier) -> None:
    sin = composed(InputNoise(0.1))
    assert input_variance(sin) == 0.1
    assert input_variance(Smoothed(sin, variance=0.3)) == pytest.approx(0.4)
    assert input_variance(Smoothed(bnn, variance=0.3)) == 0.3
    assert input_variance(composed(FeatureNoise(0.2, places=["input"]))) == 0.2
    assert input_variance(composed(InputNoise(0.1), Dropout(0.5, places=["input"]))) == 0.1
    masked_first = composed(Dropout(0.5, places=["input"]), InputNoise(0.1))
    for other in (bnn, masked_first, composed(FeatureNoise(0.2))):
        with pytest.raises(NotSmoothedError, match=r"not averaged.*Smoothed\(classifier, variance"):
            input_variance(other)


@pytest.mark.parametrize(("output", "known"), [("probs", True), ("logits", False)])
def test_scores_outside_of_0_and_1_have_none(output: str, known: bool, digits: Dataset) -> None:
    classifier = composed(InputNoise(0.1), output=output)
    x, y = digits.test_images(4)
    a, i = disjoint_sample_sets(classifier, x, attack=1, inference=2, seed=0)
    values = evaluate(
        classifier, x, y, attack=FGM(strength=0.1), attack_samples=a, inference_samples=i
    )
    assert ("interval_condition" in values, "interval_radius" in values) == (known, known)


def test_older_files_have_it_from_their_nearest_class(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    smoothed = Smoothed(bnn, variance=0.1, num_noise=3)
    x, y = digits.test_images(15)
    a, i = disjoint_sample_sets(smoothed, x, attack=2, inference=5, seed=0)
    values = evaluate(
        smoothed,
        x,
        y,
        attack=FGM(),
        attack_samples=a,
        inference_samples=i,
        strengths=[0.0, 0.1, 0.3],
        smoothness=[smoothness_constant(0.1)],
    )
    names = ["interval_condition", "interval_radius"]
    settings = {"study": "conditions", "spec": {"smoothing_variance": 0.1}, "provenance": {}}
    new, old = (
        make_result(part, **settings)  # type: ignore[arg-type]
        for part in (values, values.drop_vars(names))
    )
    found = interval_values(old)
    assert found is not None
    of_all = values[names].expand_dims("repeat")
    # the margin is at the lower end of its rounding, and another class may end it earlier
    close = abs(found["interval_radius"] - of_all["interval_radius"]) < 1e-4
    assert bool((close | (found["interval_radius"] > of_all["interval_radius"])).all())
    assert float(close.mean()) > 0.5
    assert bool((found["interval_condition"] >= of_all["interval_condition"]).all())
    right = values["clean_correct"] & values["attack_correct"]
    assert interval_end(new) == float(values["interval_radius"].where(right).max())
    assert interval_values(values.drop_vars(names)) is None  # no spec says how much noise
    assert np.isnan(interval_end(values.drop_vars(names)))
