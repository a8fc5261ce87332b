"""What the literature says of noise of weights and of penalised gradients, on digits."""

from collections.abc import Callable
from typing import Any

import pytest

from pyrosnn.attacks import FGM, PGD
from pyrosnn.data.dataset import Dataset
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.noise_free import noise_free
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set, predict
from pyrosnn.training import preset, train
from pyrosnn.training.regularisers.directions import mean_cosine, unit_gradients
from pyrosnn.training.regularisers.gradients import input_gradients

pytestmark = [pytest.mark.slow, pytest.mark.statistical, pytest.mark.trend]
Measured = Callable[..., None]
SMALL: dict[str, Any] = {"hidden": (32,)}


def share(
    model: StochasticClassifier, digits: Dataset, attack: FGM | PGD, num_attack: int, judges: int
) -> float:
    """Return the share of the test images that stay correct."""
    x, y = digits.x_test, digits.y_test
    a, i = disjoint_sample_sets(model, x, attack=num_attack, inference=judges, seed=0)
    moved = x + attack(model, x, y, a).perturbation
    return float((predict(model, moved, i).predicted == y).float().mean())


def test_noise_without_attacked_images_vanishes(
    digits: Dataset, trend_seed: int, measured: Measured
) -> None:
    """T1: all factors of PNI fall from 0.25 below 0.03; He et al. end at 0.009 at most."""
    changes: dict[str, Any] = {"epochs": 40, "learning_rate": 0.01, "images": "clean"}
    model: Any = train(preset("pni", seed=trend_seed, options={"hidden": (16,)}, **changes), digits)
    scales = [abs(float(scale)) for scale in model.noise[0].scales]
    measured(largest_factor=max(scales))
    assert max(scales) < 0.03, scales


def test_large_noise_misleads_an_attack_with_one_sample(
    digits: Dataset, trend_seed: int, measured: Measured
) -> None:
    """T2: accuracy under PGD falls where the noise is switched off, and with more samples.

    He et al. have 45.9 and 31.5 points. The noise here begins, and stays, larger than theirs: with
    a = 0.25 at first, it ends at 0.02 to 0.06, and switching it off changes nothing.
    """
    options = {"network": "cnn", "units": 50, "initial_scale": 1.0}
    steps = {"norm": "linf", "steps": 2, "relative_step": 0.75}
    images = {"strength": 0.15, "warm_up": 1, "attack_options": steps}
    model = train(
        preset("pni", seed=trend_seed, epochs=10, options=options, image_options=images), digits
    )
    attack = PGD(norm="linf", strength=0.15, steps=7, relative_step=0.32, clip=digits.bounds)
    noisy = share(model, digits, attack, 1, 1)
    off = noisy - share(noise_free(model), digits, attack, 1, 1)
    many = noisy - share(model, digits, attack, 20, 1)
    measured(lost_without_noise=off, lost_with_20_samples=many)
    assert off > 0
    assert many > 0.01


def test_penalised_gradients_keep_accuracy_and_slow_its_fall(
    digits: Dataset, trend_seed: int, measured: Measured
) -> None:
    """T5: Ross and Doshi-Velez; differences of shares of 500 images, 2 standard errors and more."""
    found = []
    for weight in (0.0, 0.3):
        options = {**SMALL, "noise_variance": 1e-6}
        penalised = {"input-gradient": {"weight": weight}}
        spec = preset(
            "sin",
            seed=trend_seed,
            epochs=15,
            num_particles=1,
            options=options,
            regularisers=penalised,
        )
        model = train(spec, digits)
        strengths = (0.0, 0.05, 0.1, 0.15, 0.2)
        found.append([share(model, digits, FGM(norm="linf", strength=s), 1, 1) for s in strengths])
    plain, slow = found
    measured(clean=slow[0] - plain[0], at_010=slow[2] - plain[2], at_015=slow[3] - plain[3])
    assert slow[0] > plain[0] - 0.03, found
    assert slow == sorted(slow, reverse=True)
    assert slow[2] > plain[2] + 0.08, found
    assert slow[3] > plain[3] + 0.08, found


def test_diverse_gradients_ask_for_more_samples(
    digits: Dataset, trend_seed: int, measured: Measured
) -> None:
    """T6: GradDiv lowers the cosine, raises B, and widens the gap between 1 and 100 samples."""
    cosines, scales, gaps = [], [], []
    x, y = digits.test_images(200)
    for weight in (0.0, 3.0):
        diverse = {"grad-div": {"weight": weight}}
        model = train(
            preset("bnn", seed=trend_seed, epochs=12, options=SMALL, regularisers=diverse), digits
        )
        samples = draw_sample_set(model, x, 20, seed=0, stream="test")
        gradients = input_gradients(model, x, y, samples.tensors).detach()
        units, kept = unit_gradients(gradients, 1e-9)
        cosines.append(float(mean_cosine(units)[kept].mean()))
        trace = gradients.flatten(2).var(0).sum(-1)
        squared = gradients.mean(0).flatten(1).square().sum(-1) - trace / len(gradients)
        scales.append(float(trace.mean() / squared.mean()))  # B = tr Σ / |μ|²
        attack = FGM(norm="linf", strength=0.2, clip=digits.bounds)
        gaps.append(share(model, digits, attack, 1, 50) - share(model, digits, attack, 100, 50))
    measured(cosine=cosines[1] - cosines[0], scale=scales[1] / scales[0], gap=gaps[1] - gaps[0])
    assert cosines[1] < cosines[0] - 0.3, cosines
    assert scales[1] > 2.5 * scales[0], scales
    assert gaps[1] > gaps[0] + 0.03, gaps


def test_the_advantage_of_adv_bnn_shrinks_with_the_samples_of_the_attack(
    digits: Dataset, trend_seed: int, measured: Measured
) -> None:
    """T7: over adversarial training of a network without noise; Zimmermann 2019."""
    images = {
        "strength": 0.15,
        "attack_options": {"norm": "linf", "steps": 2, "relative_step": 0.75},
    }
    options = {"hidden": (64,), "initial_scale": 0.1}
    model = train(
        preset("adv-bnn", seed=trend_seed, epochs=10, options=options, image_options=images), digits
    )
    plain = {"hidden": (64,), "noise_variance": 1e-8}
    changes: dict[str, Any] = {"images": "adversarial", "image_options": images}
    point = train(
        preset("sin", seed=trend_seed, epochs=10, num_particles=1, options=plain, **changes), digits
    )
    attack = PGD(norm="linf", strength=0.15, steps=5, relative_step=0.4, clip=digits.bounds)
    of_point = share(point, digits, attack, 1, 1)
    one, many = (share(model, digits, attack, n, 20) - of_point for n in (1, 50))
    measured(lead_with_1_sample=one, lead_with_50=many)
    assert one > many + 0.02, (one, many)
    assert many < -0.02, (one, many)
