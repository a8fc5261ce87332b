"""A grid of evaluations does what its settings say, with own sets for repeats and blocks."""

import numpy as np
import pytest
from support.compare import assert_same_to_float32
from support.studies import run_study

from pyrosnn.attacks import FGM
from pyrosnn.conditions import CONSTANTS, smoothness_constant
from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.results import GROUP
from pyrosnn.sampling import disjoint_sample_sets
from pyrosnn_studies.grid import GridSpec

SPEC = GridSpec(
    images=25,
    strengths=(0.0, 0.1, 0.2),
    attack_samples=(2, 5),
    inference_samples=(6,),
    norm="linf",
    loss="margin",
    gradient="mean_loss",
    clip=True,
    repeats=2,
    seed=4,
    block_size=10,
)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["bnn", "sin"])
def test_every_cell_is_an_evaluation_on_its_own_sets(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """Each cell equals evaluate() with the attack of the spec and the sets of (repeat, block)."""
    classifier = classifiers[model]
    values = run_study("sample-size", SPEC, classifier, digits)[GROUP].dataset
    attack = FGM(norm="linf", loss="margin", gradient="mean_loss", clip=digits.bounds)
    for repeat in (0, 1):
        for block, images in enumerate((slice(0, 10), slice(10, 20), slice(20, 25))):
            x, y = digits.x_test[images], digits.y_test[images]
            a, i = disjoint_sample_sets(
                classifier, x, attack=5, inference=6, seed=4, repeat=repeat, block=block
            )
            for size in SPEC.attack_samples:
                expected = evaluate(
                    classifier,
                    x,
                    y,
                    attack=attack,
                    attack_samples=a[:size],
                    inference_samples=i,
                    strengths=SPEC.strengths,
                    first_example=images.start,
                )
                cell = values.isel(example=images, repeat=repeat, drop=True)
                cell = cell.sel(attack_samples=[size]).transpose(*expected.dims)
                assert_same_to_float32(cell, expected)


def test_an_attack_without_gradients_is_a_row_like_any_other(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    spec = GridSpec(
        images=4,
        strengths=(0.0, 0.1),
        attack_samples=(2,),
        inference_samples=(3,),
        attack="spsa",
        attack_options={"directions": 2},
        repeats=1,
    )
    assert (spec.attack_options["directions"], spec.attack_options["radius"]) == (2, 0.01)
    values = run_study("sample-size", spec, classifiers["bnn"], digits)[GROUP].dataset
    assert not values["num_gradients"].any()
    norms = values["perturbation_norm"].sel(strength=0.1).values.ravel()
    assert norms.tolist() == pytest.approx([0.1] * 4)


def test_a_smoothed_grid_judges_the_average_over_noise(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    spec = GridSpec(
        images=4,
        strengths=(0.1,),
        attack_samples=(2,),
        inference_samples=(3,),
        smoothing_variance=0.04,
        noise_samples=5,
        repeats=1,
    )
    smoothed = Smoothed(classifiers["bnn"], variance=0.04, num_noise=5)
    x, y = digits.test_images(4)
    a, i = disjoint_sample_sets(smoothed, x, attack=2, inference=3, seed=0, repeat=0, block=0)
    expected = evaluate(
        smoothed,
        x,
        y,
        attack=FGM(),
        attack_samples=a,
        inference_samples=i,
        strengths=(0.1,),
        smoothness=[smoothness_constant(0.04, which) for which in CONSTANTS],
    )
    values = run_study("sample-size", spec, classifiers["bnn"], digits)[GROUP].dataset
    cell = values.isel(repeat=0, drop=True).transpose(*expected.dims)
    assert_same_to_float32(cell, expected)


@pytest.mark.parametrize(("model", "norm"), [("sin", "l2"), ("bnn", "linf")])
def test_no_smooth_condition_where_its_constant_is_not_known(
    model: str, norm: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    spec = GridSpec(
        images=3,
        strengths=(0.1,),
        attack_samples=(2,),
        inference_samples=(3,),
        smoothing_variance=0.04,
        norm=norm,
        loss="margin",
        repeats=1,
    )
    values = run_study("sample-size", spec, classifiers[model], digits)[GROUP].dataset
    assert "linear_condition" in values
    assert "smooth_condition" not in values


def test_repeats_and_blocks_differ(bnn: StochasticClassifier, digits: Dataset) -> None:
    twice = np.tile(np.arange(10), 2)  # the same ten images in two blocks
    from dataclasses import replace

    doubled = replace(digits, x_test=digits.x_test[twice], y_test=digits.y_test[twice])
    values = run_study("sample-size", replace(SPEC, images=20, clip=False), bnn, doubled)[
        GROUP
    ].dataset
    cosine = values["cosine"].sel(strength=0.1, attack_samples=2).squeeze()
    assert not np.allclose(cosine.sel(repeat=0), cosine.sel(repeat=1))
    first, second = cosine.isel(example=slice(0, 10)), cosine.isel(example=slice(10, 20))
    assert not np.allclose(first.values, second.values)
