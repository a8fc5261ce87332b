"""Moments of single-sample gradients, and the cosine that they predict."""

import math

import numpy as np
import pytest
import torch
from support.toy import LinearClassifier

from pyrosnn.conditions import expected_cosine, second_order_cosine
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.evaluation import gradient_moments
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set


@pytest.mark.slow
@pytest.mark.statistical
def test_a_linear_classifier_has_the_moments_of_its_weights() -> None:
    """∇f_y = w_y: mean known, covariance σ² I, whatever the image."""
    classifier = LinearClassifier(20, 3, noise=0.5)
    x, y = torch.randn(4, 20).double(), torch.tensor([0, 1, 2, 0])
    found = gradient_moments(classifier, x, y, num_samples=1000, seed=1)
    mean = classifier.mean[:-1].T  # (class, input)
    other = torch.tensor(found["runner_up"].values).long()
    expected = torch.stack([mean[y], mean[y] - mean[other]], 1)
    traces = found["gradient_trace"].values
    # tr Σ̂ has 20 · 999 degrees of freedom: a relative standard error of 0.01
    np.testing.assert_allclose(traces[:, 0], 20 * 0.25, rtol=5 * 0.01)
    np.testing.assert_allclose(traces[:, 1], 20 * 0.5, rtol=5 * 0.01)
    np.testing.assert_allclose(found["gradient_entry_std"].values[:, 0], 0.5, rtol=5 * 0.01)
    # ‖μ̂‖² has the standard error 2 ‖μ‖ σ / √S, about 2 · 4 · 0.7 / 32 = 0.18
    squares = expected.square().sum(-1).numpy()
    np.testing.assert_allclose(found["gradient_square"].values, squares, atol=5 * 0.22)
    alignment = (expected[:, 0] * expected[:, 1]).sum(-1).numpy()
    np.testing.assert_allclose(found["alignment"].values, alignment, atol=5 * 0.22)
    f_y = classifier.logits(x, {"weight": classifier.mean}).gather(1, y.unsqueeze(1)).squeeze(1)
    spread = 0.5 * (x.square().sum(1) + 1).sqrt()
    np.testing.assert_allclose(
        found["prediction_std"].values, spread, rtol=5 * 0.0224
    )  # 1 / √(2 S)
    errors = (found["prediction_mean"].values - f_y.numpy()) / (spread.numpy() / math.sqrt(1000))
    assert np.abs(errors).max() < 5


@pytest.mark.slow
@pytest.mark.statistical
def test_squares_are_unbiased_where_the_plug_in_is_not() -> None:
    """μ = 0 and ten samples, 100 seeds: the plug-in finds tr Σ / 10, the estimate 0."""
    classifier = LinearClassifier(30, 2, noise=1.0)
    with torch.no_grad():
        classifier.mean.zero_()
    x, y = torch.zeros(1, 30).double(), torch.tensor([0])
    found = [gradient_moments(classifier, x, y, num_samples=10, seed=s) for s in range(100)]
    squares = np.array([each["gradient_square"].values[0, 0] for each in found])
    plugin = np.array([each["plugin_length"].values[0, 0] ** 2 for each in found])
    error = squares.std(ddof=1) / math.sqrt(100)
    assert abs(squares.mean()) < 5 * error
    assert abs(plugin.mean() - 3.0) < 5 * error
    assert (squares < 0).any()  # the sign is kept


@pytest.mark.slow
@pytest.mark.parametrize("model", ["bnn", "sin"])
def test_it_is_a_loop_over_samples_with_autograd(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier = classifiers[model]
    x, y = digits.test_images(6)
    number = 21  # more than a page
    found = gradient_moments(classifier, x, y, num_samples=number, seed=3, block=2)
    drawn = draw_sample_set(classifier, x, number, seed=3, stream="moments", block=2)
    f = classifier.discriminants(x, drawn.tensors)
    means = f.double().mean(0).scatter(1, y.unsqueeze(1), -torch.inf)
    other = means.argmax(1)
    assert found["runner_up"].values.tolist() == other.tolist()
    gradients = []
    for s in range(number):
        inputs = x.clone().requires_grad_()
        one = classifier.discriminants(inputs, drawn[s : s + 1].tensors)[0]
        f_y = one.gather(1, y.unsqueeze(1)).sum()
        f_c = one.gather(1, other.unsqueeze(1)).sum()
        label = torch.autograd.grad(f_y, inputs, retain_graph=True)[0]
        gradients.append([label, label - torch.autograd.grad(f_c, inputs)[0]])
    g = torch.stack([torch.stack(pair) for pair in gradients]).double().flatten(3)
    mean, variance = g.mean(0), g.var(0)
    trace = variance.sum(-1).T

    def close(name: str, expected: torch.Tensor) -> None:
        np.testing.assert_allclose(found[name].values, expected.numpy(), rtol=1e-3, atol=1e-6)

    close("gradient_trace", trace)
    close("plugin_length", mean.norm(dim=-1).T)
    squares = mean.square().sum(-1).T - trace / number
    close("gradient_square", squares)
    spread = variance.sqrt().mean(-1).T
    close("gradient_entry_std", spread)
    deviation = g - mean
    covariance = (deviation[:, 0] * deviation[:, 1]).sum((0, 2)) / (number - 1)
    inner = (mean[0] * mean[1]).sum(-1) - covariance / number
    close("alignment", inner)


def test_it_needs_two_samples(bnn: StochasticClassifier, digits: Dataset) -> None:
    with pytest.raises(ArgumentError, match="num_samples must be >= 2, got 1"):
        gradient_moments(bnn, *digits.test_images(2), num_samples=1)


def covariances(d: int) -> dict[str, np.ndarray]:
    rank = np.arange(1, d + 1)
    return {
        "identity": np.ones(d),
        "power-law": rank**-1.0,
        "spiked": np.where(rank <= 5, 20.0, 0.2),
    }


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("covariance", ["identity", "power-law", "spiked"])
@pytest.mark.parametrize("sizes", [(1, 1), (5, 100), (100, 5)])
@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_expected_cosine_is_that_of_gaussian_gradients(
    covariance: str, sizes: tuple[int, int], scale: float
) -> None:
    """4,000 pairs; the stated error of the first order is 0.017, of the second less."""
    d, pairs = 784, 4000
    rng = np.random.default_rng(0)
    variance = covariances(d)[covariance]
    mu = rng.standard_normal(d)
    mu *= math.sqrt(scale * variance.sum()) / np.linalg.norm(mu)
    a, i = (mu + rng.standard_normal((pairs, d)) * np.sqrt(variance / size) for size in sizes)
    cosines = (a * i).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(i, axis=1)
    error = cosines.std(ddof=1) / math.sqrt(pairs)
    square, trace = mu @ mu, variance.sum()
    first = expected_cosine(
        alignment=square,
        attack_square=square,
        attack_trace=trace,
        inference_square=square,
        inference_trace=trace,
        attack_samples=sizes[0],
        inference_samples=sizes[1],
    )
    second = second_order_cosine(
        square=square,
        trace=trace,
        quadratic=mu**2 @ variance,
        trace_of_square=variance @ variance,
        attack_samples=sizes[0],
        inference_samples=sizes[1],
    )
    assert abs(float(first) - cosines.mean()) < 0.017 + 5 * error
    assert abs(float(second) - cosines.mean()) < 0.004 + 5 * error


@pytest.mark.statistical
@pytest.mark.parametrize("sizes", [(1, 1), (5, 20)])
@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_the_second_order_is_needed_in_few_dimensions(sizes: tuple[int, int], scale: float) -> None:
    """Three large variances of fifty: what the first order misses, the second has to a quarter."""
    d, pairs = 50, 100_000
    rng = np.random.default_rng(0)
    variance = np.where(np.arange(d) < 3, 20.0, 0.2)
    mu = rng.standard_normal(d)
    mu *= math.sqrt(scale * variance.sum()) / np.linalg.norm(mu)
    a, i = (mu + rng.standard_normal((pairs, d)) * np.sqrt(variance / size) for size in sizes)
    cosines = (a * i).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(i, axis=1)
    error = cosines.std(ddof=1) / math.sqrt(pairs)
    square, trace = float(mu @ mu), float(variance.sum())
    both = {"attack_samples": sizes[0], "inference_samples": sizes[1]}
    first = expected_cosine(
        alignment=square,
        attack_square=square,
        attack_trace=trace,
        inference_square=square,
        inference_trace=trace,
        **both,
    )
    second = second_order_cosine(
        square=square,
        trace=trace,
        quadratic=float(mu**2 @ variance),
        trace_of_square=float(variance @ variance),
        **both,
    )
    missed = abs(float(first) - cosines.mean())
    assert missed > 10 * error
    assert abs(float(second) - cosines.mean()) < missed / 4


def test_expected_cosine_with_two_directions_and_its_limits() -> None:
    """Loss mismatch × attack noise × inference noise; infinite sets leave the mismatch."""
    moments = {
        "alignment": 3.0,
        "attack_square": 9.0,
        "attack_trace": 90.0,
        "inference_square": 4.0,
        "inference_trace": 40.0,
    }
    mismatch = 3.0 / (3.0 * 2.0)
    both = {"attack_samples": math.inf, "inference_samples": math.inf}
    assert float(expected_cosine(**moments, **both)) == pytest.approx(mismatch)
    finite = expected_cosine(**moments, attack_samples=10, inference_samples=10)
    assert float(finite) == pytest.approx(mismatch * (1 / math.sqrt(2)) ** 2)
    negative = expected_cosine(**{**moments, "attack_square": -9.5}, **both)
    assert math.isnan(float(negative))


def test_a_mean_of_zero_has_the_cosine_zero() -> None:
    second = second_order_cosine(
        square=0.0,
        trace=5.0,
        quadratic=0.0,
        trace_of_square=5.0,
        attack_samples=3,
        inference_samples=3,
    )
    assert float(second) == 0.0
