"""evaluate(): agrees with its parts, keeps A and I apart, refuses bad input."""

import numpy as np
import pytest
import torch
import xarray as xr
from support.compare import assert_same_to_float32
from support.toy import LinearClassifier
from torch import Tensor

from pyrosnn.attacks import FGM
from pyrosnn.conditions import attack_geometry, linear_condition, smooth_condition
from pyrosnn.data.dataset import Dataset, check_batch
from pyrosnn.errors import ArgumentError, OverlapError
from pyrosnn.evaluation import accuracy, evaluate
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import GROUP, GROUPS, VARIABLES
from pyrosnn.sampling import SampleSet, disjoint_sample_sets, draw_sample_set, predict

IMAGES = 30


@pytest.fixture
def sets(bnn: StochasticClassifier, digits: Dataset) -> tuple[SampleSet, SampleSet]:
    return disjoint_sample_sets(bnn, digits.x_test[:IMAGES], attack=4, inference=9, seed=0)


def test_it_joins_attack_conditions_and_predictions(
    bnn: StochasticClassifier, digits: Dataset, sets: tuple[SampleSet, SampleSet]
) -> None:
    a, i = sets
    x, y = digits.test_images(IMAGES)
    strengths = [0.0, 0.4, 0.8]
    result = evaluate(
        bnn,
        x,
        y,
        attack=FGM(),
        attack_samples=a,
        inference_samples=i,
        strengths=strengths,
        smoothness=[3.0],
        first_example=100,
    )
    names = GROUPS[GROUP] | {"radius", "smooth_condition", "num_gradients", "predicted_class"}
    assert set(result.data_vars) == names
    assert result["example"].values.tolist() == list(range(100, 100 + IMAGES))
    assert result["label"].values.tolist() == y.tolist()
    assert result["attack_samples"].values.tolist() == [4]
    assert result["inference_samples"].values.tolist() == [9]
    for name, variable in ((name, VARIABLES[name]) for name in names):
        assert result[name].dims == variable.dims
        assert result[name].dtype == np.dtype(variable.dtype)
        assert result[name].attrs["units"]
    for strength in strengths:
        attack = FGM(strength=strength)(bnn, x, y, a)
        reference = FGM(strength=1.0)(bnn, x, y, a)  # the direction; at 0 there is none
        geometry = attack_geometry(bnn, x, y, reference, i)
        row = result.sel(strength=strength).squeeze()
        outcome = bnn.discriminants(x + attack.perturbation, i.tensors).mean(0).argmax(1) == y
        assert row["adversarial_correct"].values.tolist() == outcome.tolist()
        holds = linear_condition(geometry, attack)
        assert row["linear_condition"].values.tolist() == holds.tolist()
        smooth = smooth_condition(geometry, attack, 3.0)
        assert row["smooth_condition"].values.tolist() == smooth.tolist()
        for name in ("cosine", "radius", "margin", "gradient_norm"):
            np.testing.assert_allclose(row[name], getattr(geometry, name), rtol=1e-3, atol=1e-5)
        assert row["nearest_class"].values.tolist() == geometry.nearest.tolist()
        np.testing.assert_allclose(row["perturbation_norm"], strength, atol=1e-6)
        assert row["zero_gradient"].values.tolist() == attack.zero_gradient.tolist()
        assert row["attack_correct"].values.tolist() == attack.correct.tolist()
    assert (result["adversarial_correct"].sel(strength=0.0) == result["clean_correct"]).all()


def test_clipped_attacks_are_measured_strength_by_strength(
    bnn: StochasticClassifier, digits: Dataset, sets: tuple[SampleSet, SampleSet]
) -> None:
    a, i = sets
    x, y = digits.test_images(IMAGES)
    result = evaluate(
        bnn,
        x,
        y,
        attack=FGM(clip=digits.bounds),
        attack_samples=a,
        inference_samples=i,
        strengths=[0.0, 0.5, 1.5],
    )
    assert np.isnan(result["cosine"].sel(strength=0.0)).all()  # δ = 0 has no direction
    assert (result["perturbation_norm"].sel(strength=1.5) < 1.5).all()
    assert not np.allclose(result["cosine"].sel(strength=0.5), result["cosine"].sel(strength=1.5))


def test_only_strength_zero_still_has_a_direction(
    bnn: StochasticClassifier, digits: Dataset, sets: tuple[SampleSet, SampleSet]
) -> None:
    a, i = sets
    x, y = digits.test_images(IMAGES)
    result = evaluate(bnn, x, y, attack=FGM(strength=0.0), attack_samples=a, inference_samples=i)
    assert np.isfinite(result["cosine"]).all()


def test_a_and_i_must_be_disjoint(
    bnn: StochasticClassifier, digits: Dataset, sets: tuple[SampleSet, SampleSet]
) -> None:
    _, i = sets
    x, y = digits.test_images(IMAGES)
    for attack_samples in (i, i[:3], i[5:]):
        with pytest.raises(OverlapError, match="attack and inference need disjoint sets"):
            evaluate(bnn, x, y, attack=FGM(), attack_samples=attack_samples, inference_samples=i)


def test_bad_images_and_labels_are_refused(
    bnn: StochasticClassifier, digits: Dataset, sets: tuple[SampleSet, SampleSet]
) -> None:
    a, i = sets
    x, y = digits.test_images(IMAGES)
    broken = x.clone()
    broken[7, 0, 3, 3] = torch.nan
    for images, labels, strengths, message in (
        (broken, y, None, r"NaN or infinity in 1 of 30 \(first at index 7\)"),
        (x, y + 10, None, r"labels must be in 0 … 9, got 1\d"),
        (x, y - 20, None, "labels must be in 0 … 9, got -"),
        (x, y, [0.5, float("inf")], "strength must be >= 0 and finite, got inf"),
        (x, y, [0.5, 0.5], "got a strength twice"),
        (x[:0], y[:0], None, "got no images"),
        (x, y, [0.5, -0.1], r"strength must be >= 0 and finite, got -0\.1"),
        (x, y, [], "got no strengths"),
    ):
        with pytest.raises(ArgumentError, match=message):
            evaluate(
                bnn,
                images,
                labels,
                attack=FGM(),
                attack_samples=a,
                inference_samples=i,
                strengths=strengths,
            )


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.zeros(5, 1), torch.zeros(4).long(), r"labels have shape \(4,\), expected \(5,\)"),
        (torch.zeros(5, 1), torch.zeros(5, 1).long(), r"labels have shape \(5, 1\)"),
        (torch.zeros(5, 1), torch.zeros(5), r"labels have dtype torch\.float32"),
        (torch.zeros(5, 2), torch.zeros(5).long(), r"images have shape \(5, 2\), expected"),
        (torch.zeros(5, 1).double(), torch.zeros(5).long(), r"images have dtype torch\.float64"),
    ],
)
def test_shapes_and_types_are_checked(x: Tensor, y: Tensor, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        check_batch(x, y, num_classes=10, image_shape=(1,), dtype=torch.float32)


def test_samples_serve_the_classifier_they_were_drawn_from(
    classifiers: dict[str, StochasticClassifier], digits: Dataset, sets: tuple[SampleSet, SampleSet]
) -> None:
    a, i = sets
    x, y = digits.test_images(IMAGES)
    im = classifiers["im"]
    with pytest.raises(ArgumentError, match="'inference' were drawn from another classifier"):
        evaluate(im, x, y, attack=FGM(), attack_samples=a, inference_samples=i)
    with pytest.raises(ArgumentError, match="'attack' were drawn from another classifier"):
        FGM()(im, x, y, a)


def test_an_attack_never_gets_the_inference_set(
    bnn: StochasticClassifier, digits: Dataset, sets: tuple[SampleSet, SampleSet]
) -> None:
    a, i = sets
    x, y = digits.test_images(IMAGES)
    with pytest.raises(OverlapError, match="an attack must not see samples of the stream 'infer"):
        FGM()(bnn, x, y, i)
    with pytest.raises(OverlapError, match="an attack must not see samples of the stream 'infer"):
        evaluate(bnn, x, y, attack=FGM(), attack_samples=i, inference_samples=a)


def test_the_attack_must_be_on_the_same_images(
    bnn: StochasticClassifier, digits: Dataset, sets: tuple[SampleSet, SampleSet]
) -> None:
    a, i = sets
    x, y = digits.test_images(IMAGES)
    attack = FGM()(bnn, x, y, a)
    with pytest.raises(ArgumentError, match="the attack was on 30 images, got 20"):
        attack_geometry(bnn, x[:20], y[:20], attack, i)


def test_a_broken_classifier_is_refused(digits: Dataset) -> None:
    x, y = digits.test_images(IMAGES)
    broken = build_model("bnn", image_shape=(1, 8, 8), num_classes=10, options={"hidden": (4,)})
    with torch.no_grad():
        next(broken.parameters()).fill_(torch.nan)
    with pytest.raises(ArgumentError, match="has parameters that are NaN or infinite"):
        accuracy(broken, x, y)
    with torch.no_grad():
        next(broken.parameters()).fill_(1e38)  # finite, but not the logits
    with pytest.raises(ArgumentError, match="the classifier's logits are NaN or infinite"):
        accuracy(broken, x, y)


def test_accuracy_is_the_share_of_correct_images(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(200)
    reached = accuracy(bnn, x, y, num_samples=10, block_size=80)
    assert reached == accuracy(bnn, x, y, num_samples=10, block_size=80)
    assert reached * 200 == pytest.approx(round(reached * 200))
    # every label exchanged for another: only what was wrong before can be correct now
    assert accuracy(bnn, x, (y + 1) % 10, num_samples=10, block_size=80) <= 1 - reached


def test_accuracy_has_fresh_samples_in_every_block_and_repeat() -> None:
    """Against predictions with the sample sets written out; with any others it is another."""
    classifier = LinearClassifier(5, 3)
    x, y = torch.randn(200, 5).double(), torch.randint(3, (200,))

    def expected(blocks: list[int], repeat: int) -> float:
        correct = 0
        for first, block in zip(range(0, 200, 50), blocks, strict=True):
            part = x[first : first + 50]
            samples = draw_sample_set(
                classifier, part, 2, seed=7, stream="accuracy", repeat=repeat, block=block
            )
            predicted = predict(classifier, part, samples).predicted
            correct += int((predicted == y[first : first + 50]).sum())
        return correct / 200

    found = accuracy(classifier, x, y, num_samples=2, seed=7, repeat=3, block_size=50)
    assert found == expected([0, 1, 2, 3], repeat=3)
    assert found not in (expected([0, 0, 0, 0], repeat=3), expected([0, 1, 2, 3], repeat=0))


def test_images_can_be_judged_within_bounds(bnn: StochasticClassifier, digits: Dataset) -> None:
    """As if the attack had clipped, for the accuracy; as if nothing had, for the geometry."""
    x, y = digits.test_images(IMAGES)
    a, i = disjoint_sample_sets(bnn, x, attack=4, inference=9, seed=0)

    def found(attack: FGM, bounds: tuple[float, float] | None = None) -> xr.Dataset:
        return evaluate(
            bnn,
            x,
            y,
            attack=attack,
            attack_samples=a,
            inference_samples=i,
            strengths=[0.5, 1.0],
            judged_bounds=bounds,
        )

    whole, judged = found(FGM()), found(FGM(), (0.0, 1.0))
    clipped = found(FGM(clip=(0.0, 1.0)))
    xr.testing.assert_identical(judged["adversarial_correct"], clipped["adversarial_correct"])
    assert not judged["adversarial_correct"].identical(whole["adversarial_correct"])
    for name in ("cosine", "radius", "linear_condition", "perturbation_norm"):
        xr.testing.assert_identical(judged[name], whole[name])


def test_sizes_are_prefixes_of_the_sets(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(IMAGES)
    a, i = disjoint_sample_sets(bnn, x, attack=4, inference=9, seed=0)
    grid = evaluate(
        bnn,
        x,
        y,
        attack=FGM(),
        attack_samples=a,
        inference_samples=i,
        attack_sizes=[1, 4],
        inference_sizes=[2, 9],
    )
    for size in (1, 4):
        for other in (2, 9):
            alone = evaluate(
                bnn, x, y, attack=FGM(), attack_samples=a[:size], inference_samples=i[:other]
            )
            cell = grid.sel(attack_samples=[size], inference_samples=[other])
            assert_same_to_float32(cell, alone)
    with pytest.raises(ArgumentError, match=r"sizes must be in 1 … 9, the samples of the set, got"):
        evaluate(
            bnn, x, y, attack=FGM(), attack_samples=a, inference_samples=i, inference_sizes=[10]
        )
