"""Laplace's approximation on the last layer, and the trunk that its samples share."""

import pytest
import torch
from torch import Tensor

from pyrosnn.attacks import FGM
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.evaluation import evaluate
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.networks.dense import DenseProduct
from pyrosnn.noise.last_layer import LastLayer
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set, predict


@pytest.fixture(scope="module")
def laplace(classifiers: dict[str, StochasticClassifier]) -> Composed:
    classifier = classifiers["laplace"]
    assert isinstance(classifier, Composed)
    return classifier


def posterior(laplace: Composed) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of the last layer's weights."""
    noise = laplace.noise[0]
    assert isinstance(noise, LastLayer)
    return laplace.network.matrix("last"), noise.scale


@pytest.mark.slow
def test_the_posterior_is_the_diagonal_gauss_newton_matrix(
    laplace: Composed, digits: Dataset
) -> None:
    """Σ_n J_nᵀ (diag p - p pᵀ) J_n of torch's own Jacobians, and the prior."""
    x = digits.x_train
    with torch.no_grad():
        features = laplace.network.inputs_of("last", x).double()
    inputs = torch.cat([features, torch.ones(len(x), 1, dtype=torch.float64)], dim=1)
    mean, scale = (value.double() for value in posterior(laplace))
    diagonal = torch.zeros_like(mean)
    for row in inputs:
        jacobian = torch.func.jacrev(lambda w, row=row: row @ w)(mean).flatten(1)
        p = (row @ mean).softmax(-1)
        hessian = jacobian.T @ (p.diag() - p.outer(p)) @ jacobian
        diagonal += hessian.diagonal().reshape(mean.shape)
    expected = (diagonal + 1.0).rsqrt()
    torch.testing.assert_close(scale, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.statistical
def test_samples_have_the_posteriors_moments(laplace: Composed, digits: Dataset) -> None:
    # 4,000 draws: a mean is off by 5 standard errors in fewer than 1 of 10^6 of 170 entries
    samples = draw_sample_set(laplace, digits.x_test[:1], 4000, seed=0, stream="attack")
    drawn = samples.tensors["last_layer"].squeeze(1)
    mean, scale = posterior(laplace)
    off = (drawn.mean(0) - mean).abs() / scale
    assert float(off.max()) < 5 / 4000**0.5
    torch.testing.assert_close(drawn.std(0), scale, rtol=5 / (2 * 4000) ** 0.5, atol=0)


def test_an_untrained_network_has_no_spread(digits: Dataset) -> None:
    fresh = build_model("laplace", image_shape=(1, 8, 8), num_classes=10)
    first, second = draw_sample_set(fresh, digits.x_test[:1], 2, seed=0, stream="attack").tensors[
        "last_layer"
    ]
    assert torch.equal(first, second)


def test_a_network_needs_a_layer_below_the_last() -> None:
    with pytest.raises(ArgumentError, match="needs a hidden layer below 'last'"):
        build_model("laplace", image_shape=(4,), num_classes=2, options={"hidden": ()})
    with pytest.raises(ArgumentError, match="prior_precision must be > 0 and finite, got 0"):
        build_model("laplace", image_shape=(4,), num_classes=2, options={"prior_precision": 0.0})


@pytest.mark.parametrize("num_samples", [1, 50])
def test_the_trunk_is_evaluated_once_for_all_samples(
    num_samples: int, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"hidden": (16,)}
    classifier = build_model("laplace", image_shape=(1, 8, 8), num_classes=10, options=options)
    classifier.requires_grad_(False)
    assert isinstance(classifier, Composed)
    posterior(classifier)[1].fill_(0.1)
    x, y = digits.test_images(20)
    sets = disjoint_sample_sets(classifier, x, attack=num_samples, inference=num_samples, seed=0)
    predict(classifier, x, sets[0])  # which measures the memory, too
    seen: list[int] = []
    product = DenseProduct.value

    def counted(self: DenseProduct, *inputs: Tensor) -> Tensor:
        if inputs[0].shape[-1] == 64:  # the first layer
            seen.append(inputs[0].shape[:2].numel())
        return product(self, *inputs)

    monkeypatch.setattr(DenseProduct, "value", counted)
    predict(classifier, x, sets[0])
    assert sum(seen) == 20
    seen.clear()
    evaluate(
        classifier,
        x,
        y,
        attack=FGM(),
        attack_samples=sets[0],
        inference_samples=sets[1],
        strengths=(0.0, 0.5, 1.0),
    )
    # the attack; I at x, along δ, at two strengths; and the gradient of each image
    assert sum(seen) == 20 * 6


def test_a_trunk_in_parts_gives_the_same_evaluation(laplace: Composed, digits: Dataset) -> None:
    x, y = digits.test_images(30)
    results = []
    for budget in (2**30, 40_000):  # the smaller one takes a few images at once, keeps no point
        a, i = disjoint_sample_sets(
            laplace, x, attack=4, inference=40, seed=0, memory_budget=budget
        )
        results.append(
            evaluate(
                laplace,
                x,
                y,
                attack=FGM(),
                attack_samples=a,
                inference_samples=i,
                strengths=(0.0, 0.4),
                judged_bounds=(0.0, 1.0),
            )
        )
    whole, parts = results
    for name in ("cosine", "gradient_norm", "margin"):
        torch.testing.assert_close(
            torch.from_numpy(parts[name].values),
            torch.from_numpy(whole[name].values),
            rtol=1e-4,
            atol=1e-6,
            equal_nan=True,
        )
    assert bool((whole["adversarial_correct"] == parts["adversarial_correct"]).all())
