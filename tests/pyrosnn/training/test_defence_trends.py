"""What the literature says of defences with noise of features, on digits with fixed seeds."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pyrosnn.attacks import PGD
from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation import accuracy
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set, predict
from pyrosnn.training import TrainingSpec, preset, train

Measured = Callable[..., None]
pytestmark = [pytest.mark.statistical, pytest.mark.trend]


@pytest.mark.slow
def test_clean_accuracy_of_rse_falls_with_the_noise(
    digits: Dataset, trend_seed: int, measured: Measured
) -> None:
    """T3: standard deviations of 0.05, 0.5 and 1 on the image, half of them within."""
    found = []
    for sigma in (0.05, 0.5, 1.0):
        options = {
            "channels": (8,),
            "units": 32,
            "noise_variance": sigma**2,
            "feature_variance": sigma**2 / 4,
        }
        model = train(preset("rse", seed=trend_seed, epochs=8, options=options), digits)
        found.append(accuracy(model, digits.x_test, digits.y_test, num_samples=1))
    measured(to_050=found[0] - found[1], to_100=found[1] - found[2])
    assert found[0] > 0.9
    assert found[0] - found[1] > 0.03, found
    assert found[1] - found[2] > 0.1, found


def test_samples_do_not_matter_for_a_margin_attack_on_wca(
    specs: dict[str, TrainingSpec], digits: Dataset, trend_seed: int, measured: Measured
) -> None:
    """T4: the attack on the mean of logits finds the same δ, if it aims at the same class.

    The gradient is that of y's logit minus the largest other one, and which one that is may be a
    matter of the draw. The cross-entropy has another δ on every image.
    """
    model = train(replace(specs["wca"], seed=trend_seed), digits)
    x, y = digits.test_images(30)

    def same(loss: str, gradient: str) -> float:
        attack = PGD(
            norm="l2", strength=0.5, steps=5, relative_step=0.5, loss=loss, gradient=gradient
        )
        first, second = (
            attack(model, x, y, draw_sample_set(model, x, n, seed=n, stream="attack")).perturbation
            for n in (1, 20)
        )
        return float(((first - second).flatten(1).norm(dim=1) < 1e-4).double().mean())

    margins = same("margin", "mean_logits")
    measured(same=margins)
    assert margins > 0.3
    assert same("cross-entropy", "mean_loss") == 0


def withstand(model: StochasticClassifier, digits: Dataset, attack: PGD, number: int) -> float:
    """Return the share of 200 digits that are right on 100 samples, attacked with others."""
    x, y = digits.test_images(200)
    a = draw_sample_set(model, x, number, seed=0, stream="attack")
    judge = draw_sample_set(model, x, 100, seed=0, stream="inference")
    delta = attack(model, x, y, a).perturbation
    return float((predict(model, x + delta, judge).predicted == y).double().mean())


def test_many_steps_of_one_sample_replace_many_samples(
    specs: dict[str, TrainingSpec], digits: Dataset, trend_seed: int, measured: Measured
) -> None:
    """T9: of 100 gradients, those of 100 steps find as much as of 10 × 10, and of 1 × 100 less."""
    model = train(replace(specs["im"], seed=trend_seed), digits)
    found = {
        steps: withstand(
            model,
            digits,
            PGD(strength=0.6, steps=steps, relative_step=step, clip=digits.bounds),
            100 // steps,
        )
        for steps, step in ((1, 1.0), (10, 0.25), (100, 0.05))
    }
    measured(more_steps=found[100] - found[10], one_step=found[1] - max(found[10], found[100]))
    assert found[100] <= found[10] + 0.01, found
    assert max(found[10], found[100]) <= found[1] - 0.02, found


def test_an_attack_on_predicted_labels_leaves_more(
    specs: dict[str, TrainingSpec], digits: Dataset, trend_seed: int, measured: Measured
) -> None:
    """T10: what is wrong without an attack is moved away from the wrong class."""
    model = train(replace(specs["im"], seed=trend_seed), digits)
    found = {
        labels: withstand(
            model,
            digits,
            PGD(strength=0.6, steps=10, relative_step=0.25, labels=labels, clip=digits.bounds),
            10,
        )
        for labels in ("true", "predicted")
    }
    measured(predicted=found["predicted"] - found["true"])
    assert found["predicted"] - found["true"] > 0.03, found


def test_an_attack_on_each_samples_own_label_leaves_far_more(
    specs: dict[str, TrainingSpec], digits: Dataset, trend_seed: int, measured: Measured
) -> None:
    """T10, as Pinot et al. attack: the class that each draw predicts at the current image."""
    model = train(replace(specs["im"], seed=trend_seed), digits)
    found = {
        loss: withstand(
            model,
            digits,
            PGD(
                strength=0.6,
                steps=10,
                relative_step=0.25,
                loss=loss,
                gradient="mean_loss",
                clip=digits.bounds,
            ),
            10,
        )
        for loss in ("cross-entropy", "own-label")
    }
    measured(own_label=found["own-label"] - found["cross-entropy"])
    assert found["own-label"] - found["cross-entropy"] > 0.2, found
