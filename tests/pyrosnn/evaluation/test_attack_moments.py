"""Moments of attack and condition, unbiased where the truth is known; what follows from them."""

import math
from functools import cache

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats
from support.gradients import moments_of
from support.toy import LinearClassifier
from torch import Tensor

from pyrosnn.attacks import FGM, GRADIENTS, LOSSES, PGD, RandomNoise
from pyrosnn.conditions import second_order_cosine
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.evaluation import attack_moments
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.outputs import discriminants_of
from pyrosnn.sampling import draw_sample_set, predict
from pyrosnn.summaries.angle import (
    jackknife,
    loss_mismatch,
    noise_factor,
    noise_scale,
    predicted_cosine,
    samples_needed,
)

D, SAMPLES, TRIALS = 784, 65, 200  # a number of samples that no number of groups divides

# Standard deviations of a gradient's entries; tr Σ = 784 for all.
SPECTRA = {
    name: np.sqrt(D * variances / variances.sum())
    for name, variances in {
        "identity": np.ones(D),
        "power-law": np.arange(1.0, D + 1) ** -1,
        "spiked": np.r_[np.full(4, 100.0), np.ones(D - 4)],
    }.items()
}


def mean_gradients(length: float) -> tuple[np.ndarray, np.ndarray]:
    """Means of attack and condition with an angle of 60 degrees."""
    rng = np.random.default_rng(1)
    first, second = np.linalg.qr(rng.standard_normal((D, 2)))[0].T
    return length * first, length * (0.5 * first + math.sqrt(0.75) * second)


@cache
def simulated(spectrum: str, length: float) -> xr.Dataset:
    """Moments of independent trials, along ``example``; both gradients share their noise."""
    rng = np.random.default_rng(0)
    attack, condition = mean_gradients(length)
    noise = SPECTRA[spectrum] * rng.standard_normal((SAMPLES, TRIALS, D))
    together = 1 if spectrum == "spiked" else None  # all but one sample of a group are one unit
    return moments_of(attack + noise, condition + noise, alone=together)


def truth(spectrum: str, length: float) -> dict[str, np.ndarray]:
    """The moments, for both directions."""
    means = np.stack(mean_gradients(length))
    variances = SPECTRA[spectrum] ** 2
    ones = np.ones(2)
    return {
        "direction_square": (means**2).sum(1),
        "direction_trace": variances.sum() * ones,
        "direction_product": (means[0] * means[1]).sum() * np.ones(1),
        "quadratic": (variances * means**2).sum(1),
        "cross_quadratic": (variances * means[0] * means[1]).sum() * ones,
        "trace_of_square": (variances**2).sum() * ones,
    }


every_spectrum = pytest.mark.parametrize("spectrum", list(SPECTRA))


@pytest.mark.slow
@pytest.mark.statistical
@every_spectrum
@pytest.mark.parametrize("length", [0.0, 5.0, 20.0])
def test_moments_are_unbiased(spectrum: str, length: float) -> None:
    """Means over 200 trials against the truth, within five of their standard errors."""
    found = simulated(spectrum, length)
    for name, value in truth(spectrum, length).items():
        values = found[name].values.reshape(TRIALS, -1)
        error = values.std(0, ddof=1) / math.sqrt(TRIALS)
        assert (np.abs(values.mean(0) - value) < 5 * error).all(), name
    if length == 0:
        assert (found["direction_square"] < 0).any()  # the sign is kept


@pytest.mark.slow
@pytest.mark.statistical
@every_spectrum
@pytest.mark.parametrize("length", [0.0, 20.0])
def test_standard_errors_are_those_of_repetition(spectrum: str, length: float) -> None:
    """The jackknife's errors against the spread over trials, which 200 of them know to 5 %.

    Where μ drowns in noise they are √2 too large for a square, which is then all quadratic.
    """
    found = simulated(spectrum, length)
    for name in ("direction_square", "direction_trace", "direction_product"):
        values, errors = jackknife(lambda of, name=name: of[name], found)  # type: ignore[misc]
        ratio = float(np.sqrt((errors**2).mean()) / values.std("example").mean())
        assert 0.8 < ratio < 1.25 * (math.sqrt(2) if name != "direction_trace" else 1.0), name


@pytest.mark.slow
@pytest.mark.statistical
@every_spectrum
def test_intervals_of_the_advice_cover_the_truth(spectrum: str) -> None:
    """Of 200 intervals with 90 % each, fewer than 165 hold the truth less than once in 1,000."""
    advice = samples_needed(simulated(spectrum, 20.0), 0.95, confidence=0.9)
    needed = 0.95**2 / (1 - 0.95**2) * D / 20.0**2
    covered = int(((advice["low"] <= needed) & (needed <= advice["high"])).sum())
    assert stats.binom.cdf(164, TRIALS, 0.9) < 1e-3
    assert covered >= 165
    assert float(advice["needed"].median()) == pytest.approx(needed, rel=0.05)


@pytest.mark.statistical
@every_spectrum
def test_the_predicted_cosine_is_that_of_draws(spectrum: str) -> None:
    """First and second order against simulated pairs of means, from estimated moments."""
    rng = np.random.default_rng(2)
    attack, condition = mean_gradients(20.0)
    moments = simulated(spectrum, 20.0).mean("example")
    sizes = [1, 10, 100]
    first = predicted_cosine(moments, sizes, sizes)
    second = predicted_cosine(moments, sizes, sizes, order=2)
    for i, size in enumerate(sizes):
        for j, other in enumerate(sizes):
            scale = SPECTRA[spectrum] / np.sqrt([[[size]], [[other]]])
            a, b = np.stack([attack, condition])[:, None] + scale * rng.standard_normal((2, 500, D))
            cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
            drawn, error = cosines.mean(), cosines.std() / math.sqrt(500)
            # the guide's bound for the first order; the second comes closer
            assert abs(float(first[i, j]) - drawn) < 0.017 + 4 * error
            assert abs(float(second[i, j]) - drawn) < 0.005 + 4 * error


def test_one_direction_has_the_second_order_of_gaussian_angles() -> None:
    names = {
        "square": "direction_square",
        "trace": "direction_trace",
        "quadratic": "quadratic",
        "trace_of_square": "trace_of_square",
    }
    values = {name: value for name, value in truth("spiked", 20.0).items()}
    values["direction_product"] = values["direction_square"][:1].sum()  # the same direction
    values["cross_quadratic"] = values["quadratic"] = values["quadratic"][:1].repeat(2)
    moments = xr.Dataset(
        {n: ("direction", v) if np.ndim(v) else v for n, v in values.items()},
        coords={"direction": ["attack", "condition"]},
    )
    known = second_order_cosine(
        **{name: float(values[long][0]) for name, long in names.items()},
        attack_samples=3,
        inference_samples=20,
    )
    found = predicted_cosine(moments, [3], [20], order=2)
    assert found.item() == pytest.approx(float(known), rel=1e-12)


def test_the_factors_are_the_cosine() -> None:
    moments = simulated("identity", 20.0)
    whole = predicted_cosine(moments, [4], [25]).squeeze(drop=True)
    factors = [
        loss_mismatch(moments),
        noise_factor(moments, "attack", [4]).squeeze(drop=True),
        noise_factor(moments, "condition", [25]).squeeze(drop=True),
    ]
    xr.testing.assert_allclose(whole, factors[0] * factors[1] * factors[2])
    assert float(factors[0].mean()) == pytest.approx(0.5, abs=0.02)
    ceiling = predicted_cosine(moments, [math.inf], [25]).squeeze(drop=True)
    xr.testing.assert_allclose(ceiling, factors[0] * factors[2])


@pytest.mark.slow
def test_noise_without_a_gradient_needs_samples_without_end() -> None:
    moments = simulated("identity", 0.0)
    lost = moments["direction_square"].sel(direction="attack") <= 0
    assert 0.2 < float(lost.mean()) < 0.8
    assert np.isinf(noise_scale(moments).sel(direction="attack")[lost]).all()
    advice = samples_needed(moments)
    assert np.isinf(advice["needed"][lost]).all()
    assert np.isinf(advice["high"][lost]).all()
    certain = moments_of(*[np.ones((40, 1, D))] * 2)  # no spread: one sample says it all
    assert samples_needed(certain)["needed"].item() == 1.0


def gradients_by_autograd(
    classifier: StochasticClassifier, x: Tensor, y: Tensor, nearest: Tensor, attack: FGM
) -> tuple[np.ndarray, np.ndarray]:
    """Single samples' gradients as a loop computes them, for the seed 3."""
    samples = draw_sample_set(classifier, x, 45, seed=3, stream="moments", block=2)
    mean = predict(classifier, x, samples)
    found: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for s in range(45):
        inputs = x.clone().requires_grad_()
        logits = classifier.logits(inputs, samples[s : s + 1].tensors)
        share = GRADIENTS[attack.gradient].cotangents(LOSSES[attack.loss], logits.detach(), y, mean)
        margin = discriminants_of(classifier.output).margin_cotangent(logits.detach(), y, nearest)
        for kept, cotangents in zip(found, (45 * share, -margin), strict=True):
            (gradient,) = torch.autograd.grad(
                logits, inputs, cotangents.to(logits.dtype), retain_graph=True
            )
            kept.append(gradient.flatten(1).double().numpy())
    return np.stack(found[0]), np.stack(found[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "attack"),
    [
        ("bnn", FGM()),
        ("im", FGM(loss="margin", gradient="mean_logits")),
        ("sin", FGM(loss="margin")),
        ("bnn", FGM(gradient="mean_loss")),
    ],
)
def test_they_are_moments_of_the_gradients_that_autograd_gives(
    model: str, attack: FGM, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier = classifiers[model]
    x, y = digits.test_images(6)
    found = attack_moments(
        classifier, x, y, attack=attack, num_samples=45, seed=3, block=2, first_example=7
    )
    assert found["example"].values.tolist() == list(range(7, 13))
    nearest = torch.from_numpy(found["nearest"].values).long()
    assert not (nearest == y).any()
    a, c = gradients_by_autograd(classifier, x, y, nearest, attack)
    expected = moments_of(a, c)
    for name in expected.data_vars:
        scale = float(np.abs(expected[name]).max())
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-3, atol=1e-5 * scale)
    # the mean over samples is the gradient that the attack takes
    pairs = [(s, t) for s in range(45) for t in range(45) if s != t]
    square = np.mean([(a[s] * a[t]).sum(1) for s, t in pairs], axis=0)
    np.testing.assert_allclose(
        found["direction_square"].sel(direction="attack"), square, rtol=1e-3, atol=1e-8
    )
    product = np.mean([(a[s] * c[t]).sum(1) for s, t in pairs], axis=0)
    np.testing.assert_allclose(found["direction_product"], product, rtol=1e-3, atol=1e-8)


def test_the_nearest_class_is_that_of_all_samples() -> None:
    """Under the attack on the mean of all samples; single samples would say another one."""
    classifier = LinearClassifier(5, 4)
    x = torch.randn(30, 5).double()
    samples = draw_sample_set(classifier, x, 40, seed=0, stream="moments")
    y = predict(classifier, x, samples).predicted
    found = attack_moments(classifier, x, y, attack=FGM(loss="margin"), num_samples=40)

    def nearest(weight: Tensor) -> Tensor:
        logits = x @ weight[:-1] + weight[-1]
        margins = logits.gather(1, y.unsqueeze(1)) - logits
        runner_up = margins.scatter(1, y.unsqueeze(1), torch.inf).argmin(1)
        rises = (weight[:-1, None, :] - weight[:-1, y].unsqueeze(-1)).permute(1, 2, 0)
        towards = rises[torch.arange(30), runner_up]
        slopes = (rises @ towards.unsqueeze(-1)).squeeze(-1)
        return torch.where(slopes > 0, margins / slopes, torch.inf).argmin(1)

    weight = samples.tensors["weight"].squeeze(1)
    assert found["nearest"].values.tolist() == nearest(weight.mean(0)).tolist()
    assert not torch.equal(nearest(weight[0]), nearest(weight.mean(0)))


def test_settings_that_cannot_be_are_refused() -> None:
    classifier = LinearClassifier(5, 2)
    x, y = torch.zeros(1, 5).double(), torch.tensor([0])
    with pytest.raises(ArgumentError, match="num_samples must be >= 40, got 39"):
        attack_moments(classifier, x, y, attack=FGM(loss="margin"), num_samples=39)
    for attack in (PGD(), RandomNoise()):
        with pytest.raises(ArgumentError, match=r"a single step along the gradient \(fgm\), got"):
            attack_moments(classifier, x, y, attack=attack)
    found = simulated("identity", 0.0)
    with pytest.raises(ArgumentError, match=r"share must be between 0 and 1, got 1\.5"):
        samples_needed(found, 1.5)
    with pytest.raises(ArgumentError, match="order must be 1 or 2, got 3"):
        predicted_cosine(found, [1], [1], order=3)
