"""Readings of the evaluation: the floor, and pre-activations in place of weights."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from support.studies import run_study

from pyrosnn.attacks import FGM, loss_gradient
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set, replay_logits
from pyrosnn_studies.ablation import AblationSpec, variants
from pyrosnn_studies.floored import FlooredFGM
from pyrosnn_studies.preactivations import PreactivationNoise, preactivation_noise

SPEC = AblationSpec(
    images=12,
    strength=0.5,
    attack_samples=3,
    inference_samples=4,
    loss="cross-entropy",
    batch=100,
    repeats=2,
    block_size=5,
)


def test_the_floor_shortens_the_step_of_small_gradients(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(60)
    a, _ = disjoint_sample_sets(bnn, x, attack=5, inference=1, seed=0)
    found = loss_gradient(bnn, x, y, a, loss="cross-entropy", gradient="mean_prediction")
    lengths = found.scale * found.direction.double().flatten(1).norm(dim=1)
    floor = float(lengths.median())
    exact = FGM(strength=0.5)(bnn, x, y, a)
    floored = FlooredFGM(strength=0.5, floor=floor)(bnn, x, y, a)
    expected = 0.5 * (lengths / floor).clamp(max=1.0)
    torch.testing.assert_close(floored.norm.double(), expected, atol=1e-6, rtol=1e-5)
    long = lengths >= floor
    assert torch.equal(floored.perturbation[long], exact.perturbation[long])
    cosine = (floored.perturbation * exact.perturbation).flatten(1).sum(1)
    torch.testing.assert_close(cosine, 0.5 * floored.norm)


def test_a_zero_gradient_stays_where_it_is(bnn: StochasticClassifier, digits: Dataset) -> None:
    """The loss cw rests on what is misclassified: no step, and no NaN."""
    x, y = digits.test_images(60)
    a, _ = disjoint_sample_sets(bnn, x, attack=2, inference=1, seed=0)
    result = FlooredFGM(loss="cw")(bnn, x, y, a)
    assert result.zero_gradient.any()
    assert not result.perturbation[result.zero_gradient].any()
    assert torch.isfinite(result.perturbation).all()
    with pytest.raises(ArgumentError, match=r"floor must be > 0, got 0\.0"):
        FlooredFGM(floor=0.0)


def other_reading(bnn: StochasticClassifier) -> PreactivationNoise:
    found = preactivation_noise(bnn)
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.statistical
def test_preactivations_have_the_distribution_that_weights_give(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    """One image's logits under 4,000 samples of each: Kolmogorov-Smirnov at 0.1 %, ten classes."""
    x = digits.x_test[:1]
    both = []
    for classifier in (bnn, other_reading(bnn)):
        samples = draw_sample_set(classifier, x, 4000, seed=0, stream="attack")
        both.append(replay_logits(classifier, x, samples)[:, 0].numpy())
    for c in range(10):
        assert stats.ks_2samp(both[0][:, c], both[1][:, c]).pvalue > 1e-3 / 10


@pytest.mark.slow
@pytest.mark.statistical
def test_preactivations_have_the_noise_of_the_bias() -> None:
    """A black image: all that is left of the first layer is its bias."""
    bnn = build_model(
        "bnn",
        image_shape=(1, 2, 2),
        num_classes=3,
        options={"hidden": (4,), "initial_row_scale": 0.7},
    )
    x = torch.zeros(1, 1, 2, 2)
    both = []
    for classifier in (bnn, other_reading(bnn)):
        samples = draw_sample_set(classifier, x, 4000, seed=0, stream="attack")
        both.append(replay_logits(classifier, x, samples)[:, 0].numpy())
    for c in range(3):
        assert stats.ks_2samp(both[0][:, c], both[1][:, c]).pvalue > 1e-3 / 3
    assert both[1].std(0).min() > 0.5


def test_preactivations_differ_between_images_as_weights_do_not(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x = digits.x_test[:1].repeat(2, 1, 1, 1)  # one image twice
    for classifier, shared in ((bnn, True), (other_reading(bnn), False)):
        samples = draw_sample_set(classifier, x, 3, seed=0, stream="attack")
        logits = replay_logits(classifier, x, samples)
        assert torch.equal(logits[:, 0], logits[:, 1]) is shared


@pytest.mark.slow
@pytest.mark.parametrize("model", ["bnn", "sin"])
def test_every_reading_is_reported(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier = classifiers[model]
    result: Any = run_study("ablation", SPEC, classifier, digits)["ablation"].dataset
    names = ["true labels", "predicted labels", "predicted, judged clipped"]
    names += ["predicted, δ clipped", "predicted, floored"]
    if model == "bnn":
        names.append("predicted, pre-activations")
    assert result["variant"].values.tolist() == names
    assert result.sizes["repeat"] == 2
    exact = result.sel(variant="predicted labels")
    clipped = result.sel(variant="predicted, δ clipped")
    judged = result.sel(variant="predicted, judged clipped")
    # the same images are judged; only δ, and what is measured of it, differs
    np.testing.assert_array_equal(judged["mean_adversarial"], clipped["mean_adversarial"])
    np.testing.assert_array_equal(judged["mean_cosine"], exact["mean_cosine"])
    np.testing.assert_allclose(exact["mean_norm"], 0.5, rtol=1e-6)
    assert (clipped["mean_norm"] < 0.5).all()
    assert (clipped["share_short"] > exact["share_short"]).all()


def test_the_floor_is_that_of_a_batch(bnn: StochasticClassifier) -> None:
    assert SPEC.floor == pytest.approx(1e-4)
    attack = variants(replace(SPEC, batch=1000), bnn, (0.0, 1.0))["predicted, floored"].attack
    assert isinstance(attack, FlooredFGM)
    assert attack.floor == pytest.approx(1e-3)
