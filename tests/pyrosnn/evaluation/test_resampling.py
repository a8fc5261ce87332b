"""Resampled cosines: those of draws where second moments mislead; joined to the moments."""

import math

import numpy as np
import pytest
import torch
import xarray as xr

from pyrosnn.evaluation.attack_moments import NUM_GROUPS, estimate
from pyrosnn.evaluation.resampling import SubsetDirections, resample, resampled_sizes
from pyrosnn.results import make_dataset
from pyrosnn.summaries import mean_cosine, predicted_cosine
from pyrosnn.summaries.law import Law

D, SAMPLES, S_I = 30, 400, 40
COUNTS = np.full(NUM_GROUPS, SAMPLES // NUM_GROUPS)


def heavy(rng: np.random.Generator, number: int, images: int) -> np.ndarray:
    """Gradients whose length varies by orders of magnitude, mean direction the first axis."""
    noise = rng.standard_normal((number, images, D)) + np.r_[2.0, np.zeros(D - 1)]
    lengths = np.exp(2 * rng.standard_normal((number, images, 1)))
    return np.asarray(noise * lengths)


def resampled(attack: np.ndarray, condition: np.ndarray, inference: int = S_I) -> xr.Dataset:
    """What ``attack_moments`` makes of given gradients, each of shape (sample, example, entry)."""
    both = torch.from_numpy(np.stack([attack, condition]))
    subsets = SubsetDirections(both[0, 0], COUNTS)
    for number in range(len(attack)):
        subsets.add(*divmod(number, int(COUNTS[0])), both[0, number])
    folded = both.unflatten(1, (NUM_GROUPS, -1))
    sums = folded.sum(2)
    grams = torch.einsum("ignd,jhnd->ijngh", sums, sums).numpy()
    products = torch.einsum("igsnd,jgsnd->ijgn", folded, folded).numpy()
    directions = torch.einsum("sgnd,hnd->sngh", subsets.sums, sums[1]).numpy()
    values = estimate(grams, products, SAMPLES)
    values |= resample(grams, directions, subsets.counts.numpy(), COUNTS, inference)
    sizes, size_i = resampled_sizes(subsets.sizes, COUNTS, inference)
    coords = {
        "direction": ["attack", "condition"],
        "fold": np.arange(NUM_GROUPS),
        "subset": sizes,
        "resampled_inference": size_i,
    }
    return make_dataset(values, coords)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.asarray((first * second).sum(-1) / lengths)


@pytest.mark.statistical
def test_heavy_tails_are_predicted_where_moments_fail() -> None:
    """Means over 60 images against 400 fresh draws of A and I, within five standard errors."""
    rng = np.random.default_rng(0)
    images = 60
    single = heavy(rng, SAMPLES, images)
    found = resampled(single, single)
    assert found["subset"].values.tolist() == [1, 2, 5, 10, 20, 40, 80, 160]
    assert float(found["resampled_inference"]) == S_I
    for size in (1, 5, 10, 40, 160):
        drawn = np.array(
            [
                cosines(heavy(rng, size, 1)[:, 0].mean(0), heavy(rng, S_I, 1)[:, 0].mean(0))
                for _ in range(400)
            ]
        )
        each = found["resampled_cosine"].sel(subset=size).values
        error = math.hypot(each.std() / images**0.5, drawn.std() / 20)
        assert abs(each.mean() - drawn.mean()) < 5 * error, size
    first = predicted_cosine(found.mean("example"), [1], [S_I]).item()
    single_sample = float(found["resampled_cosine"].sel(subset=1).mean())
    assert first < single_sample - 0.1  # what second moments alone would say


def test_a_and_i_never_share_a_sample() -> None:
    """Gradients without a mean: any shared sample would lift the cosine of single samples."""
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((SAMPLES, 200, D))
    found = resampled(noise, noise)["resampled_cosine"]
    error = found.std("example") / 200**0.5
    assert (abs(found.mean("example")) < 5 * error).all()


def test_without_a_fold_is_without_its_samples() -> None:
    """A fold of another direction changes every number but those without it."""
    rng = np.random.default_rng(2)
    single = heavy(rng, SAMPLES, 3)
    other = single.copy()
    other[: COUNTS[0]] *= -3.0
    before, after = resampled(single, single), resampled(other, other)
    for name in ("resampled_cosine", "unit_product"):
        kept = f"{name}_without"
        xr.testing.assert_allclose(before[kept].sel(fold=0), after[kept].sel(fold=0))
        assert (abs(before[kept].sel(fold=1) - after[kept].sel(fold=1)) > 1e-4).all()
        assert (abs(before[name] - after[name]) > 1e-4).all()


def test_samples_without_a_gradient_are_not_counted() -> None:
    rng = np.random.default_rng(3)
    single = np.zeros((SAMPLES, 1, D))
    single[::2] = 1.0 + 0.1 * rng.standard_normal((SAMPLES // 2, 1, D))
    alone = resampled(single, single)["resampled_cosine"].sel(subset=1).item()
    assert alone == pytest.approx(1 / math.sqrt(1.01), abs=0.01)  # half of it if they were


def test_the_law_is_continuous_and_ends_at_the_ceiling() -> None:
    rng = np.random.default_rng(4)
    single = heavy(rng, SAMPLES, 20)
    found = resampled(single, single)
    known = found["resampled_cosine"].mean("example")
    sizes = found["subset"].values
    np.testing.assert_allclose(mean_cosine(found, sizes.tolist(), S_I), known)
    largest = sizes[-1]
    law = Law(found, S_I)
    before, at, after = law.means(np.array([0.9999, 1.0, 1.0001]) * largest)
    assert abs(after - at) < 1e-4
    assert abs(at - before) < 1e-4
    ceiling = (found["unit_product"] / found["direction_square"][:, 0] ** 0.5).clip(-1, 1).mean()
    assert law.means(np.array([math.inf]))[0] == pytest.approx(float(ceiling))
    # a smaller inference set lowers all of it, by the first order's noise
    ratio = Law(found.isel(example=[0]), 10).means(sizes) / Law(found.isel(example=[0]), S_I).means(
        sizes
    )
    square, trace = (found[f"direction_{n}"][0, 1].item() for n in ("square", "trace"))
    expected = math.sqrt((square + trace / S_I) / (square + trace / 10))
    np.testing.assert_allclose(ratio, expected)
