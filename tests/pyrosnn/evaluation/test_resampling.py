"""Resampled cosines: those of fresh draws, even where second moments mislead."""

import math

import numpy as np
import pytest
import xarray as xr
from support.growth import resampled

D, SAMPLES, SETS = 30, 400, 20


def heavy(rng: np.random.Generator, number: int, images: int) -> np.ndarray:
    """Gradients whose length varies by orders of magnitude, mean direction the first axis."""
    noise = rng.standard_normal((number, images, D)) + np.r_[2.0, np.zeros(D - 1)]
    lengths = np.exp(2 * rng.standard_normal((number, images, 1)))
    return np.asarray(noise * lengths)


def inference(rng: np.random.Generator, number: int, images: int) -> np.ndarray:
    """Mean gradients of inference sets with 10 samples."""
    return np.asarray(heavy(rng, 10 * number, images).reshape(number, 10, images, D).mean(1))


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.asarray((first * second).sum(-1) / lengths)


@pytest.mark.statistical
def test_heavy_tails_are_measured_up_to_all_samples() -> None:
    """Means over 60 images against 400 fresh draws of A and I, within five standard errors."""
    rng = np.random.default_rng(0)
    images = 60
    found = resampled(heavy(rng, SAMPLES, images), inference(rng, SETS, images))
    assert found["subset"].values.tolist() == [1, 2, 5, 10, 20, 40, 100, 200, 400]
    for size in (1, 5, 10, 40, 200, 400):
        drawn = np.array(
            [cosines(heavy(rng, size, 1).mean(0), inference(rng, 1, 1)[0])[0] for _ in range(400)]
        )
        each = found["resampled_cosine"].sel(subset=size).values
        error = math.hypot(each.std() / images**0.5, drawn.std() / 20)
        assert abs(each.mean() - drawn.mean()) < 5 * error, size


def test_units_of_samples_are_worth_single_ones() -> None:
    """Where the subsets are of whole units."""
    rng = np.random.default_rng(1)
    attack, condition = heavy(rng, SAMPLES, 3), inference(rng, 2, 3)
    sums = attack.reshape(-1, 10, 3, D).sum(1)
    singles, units = resampled(attack, condition), resampled(sums, condition, together=10)
    assert units["resampled_cosine"].sel(subset=[1, 2, 5]).isnull().all()  # smaller than a unit
    for name in ("resampled_cosine", "resampled_cosine_without"):
        large = [one[name].sel(subset=[10, 20, 40, 100, 400]) for one in (singles, units)]
        xr.testing.assert_allclose(*large)


def test_without_a_fold_is_without_its_samples() -> None:
    """A fold of another direction changes every number but those without it."""
    rng = np.random.default_rng(2)
    single, condition = heavy(rng, SAMPLES, 3), inference(rng, SETS, 3)
    other = single.copy()
    other[: SAMPLES // 20] *= -3.0
    kept = "resampled_cosine_without"
    before, after = (resampled(one, condition).isel(subset=slice(-1)) for one in (single, other))
    xr.testing.assert_allclose(before[kept].sel(fold=0), after[kept].sel(fold=0))
    assert (abs(before[kept].sel(fold=1) - after[kept].sel(fold=1)) > 1e-4).all()
    assert (abs(before["resampled_cosine"] - after["resampled_cosine"]) > 1e-5).all()
    whole = resampled(single, condition).isel(subset=-1)
    mean = whole[kept].mean("fold")
    np.testing.assert_allclose(mean, whole["resampled_cosine"])  # of as many as there are


def test_samples_without_a_gradient_are_not_counted() -> None:
    rng = np.random.default_rng(3)
    single = np.zeros((SAMPLES, 1, D))
    single[::2] = 1.0 + 0.1 * rng.standard_normal((SAMPLES // 2, 1, D))
    found = resampled(single, np.ones((1, 1, D)))["resampled_cosine"]
    alone = found.sel(subset=1).item()
    assert alone == pytest.approx(1 / math.sqrt(1.01), abs=0.01)  # half of it if they were
