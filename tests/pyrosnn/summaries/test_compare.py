"""Two models compared: planted differences, coverage of both intervals, the law of the cosine."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from support.simulated import law, outcomes, planted, with_accuracy

from pyrosnn.errors import ArgumentError
from pyrosnn.results import GROUP
from pyrosnn.summaries import (
    Comparison,
    at_reach,
    compare_results,
    difference_of_models,
    fit_reach,
    samples_for_reach,
)

SIZES = (1, 10, 100)
DIMS = ("experiment", "repeat", "example")
EXPERIMENTS = 1500
# standard error of a rate of 95 % in so many experiments
ERROR = (0.95 * 0.05 / EXPERIMENTS) ** 0.5


def means(cosines: Any, sizes: Any = SIZES) -> xr.DataArray:
    return xr.DataArray(np.asarray(cosines), coords={"attack_samples": list(sizes)})


def rate(found: xr.Dataset, kind: str, truth: Any) -> float:
    """Return how often an interval covers the truth."""
    return float(((found[f"{kind}_low"] <= truth) & (found[f"{kind}_high"] >= truth)).mean())


def simulated(
    *, images: int, repeats: tuple[int, int], shared: float, fresh_images: bool
) -> tuple[xr.Dataset, np.ndarray | float]:
    """Return differences of many experiments, and their truth in closed form.

    Both models find much the same images hard (locations with unit variance in common and unit
    variance of their own), and have sample sets of their own. Truth: of the images at hand, or
    of the population that they come from.
    """
    rng = np.random.default_rng(5)
    rows = EXPERIMENTS if fresh_images else 1
    hard = rng.normal(size=(rows, images))
    noise = (shared**2 + 1) ** 0.5
    both, truths = [], []
    for model, level in enumerate((0.5, 0.2)):
        location = level + hard + rng.normal(size=(rows, images))
        correct = outcomes(
            rng,
            location,
            repeats=repeats[model],
            block=50,
            shared=shared,
            experiments=EXPERIMENTS,
        )
        both.append(xr.DataArray(correct, dims=DIMS))
        if fresh_images:
            truths.append(stats.norm.cdf(level / (noise**2 + 2) ** 0.5))
        else:
            truths.append(stats.norm.cdf(location / noise).mean())
    return difference_of_models(both[0], both[1]), truths[0] - truths[1]


@pytest.mark.statistical
@pytest.mark.parametrize("shared", [0.0, 1.0])
@pytest.mark.parametrize("repeats", [(5, 5), (3, 8)])
def test_the_interval_over_samples_covers_its_truth(
    repeats: tuple[int, int], shared: float
) -> None:
    """1,500 experiments: within 5 standard errors (2.8 points) of 95 %.

    With 3 and 8 repeats within 4 points: Welch's degrees of freedom are an approximation, and
    from 3 repeats a rough one (92 to 95 % here).
    """
    found, truth = simulated(images=100, repeats=repeats, shared=shared, fresh_images=False)
    covered = rate(found, "samples", truth)
    assert abs(covered - 0.95) < (5 * ERROR if min(repeats) > 3 else 0.04), covered


@pytest.mark.statistical
@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_the_interval_over_images_covers_the_population(shared: float) -> None:
    """1,500 experiments with images of their own: within 5 standard errors of 95 %."""
    found, truth = simulated(images=200, repeats=(5, 5), shared=shared, fresh_images=True)
    covered = rate(found, "images", truth)
    assert abs(covered - 0.95) < 5 * ERROR, covered
    if shared == 0:  # sample sets alone are then the smaller part of what is random
        assert rate(found, "samples", truth) < 0.9


@pytest.mark.statistical
def test_images_that_share_samples_are_not_independent() -> None:
    """Without the variance between repeats the population would be covered far too rarely."""
    found, truth = simulated(images=200, repeats=(5, 5), shared=1.0, fresh_images=True)
    single, _ = simulated(images=200, repeats=(1, 1), shared=1.0, fresh_images=True)
    assert rate(single, "images", truth) < 0.9  # the caveat of a single repeat
    assert rate(found, "images", truth) > rate(single, "images", truth)


def test_over_samples_it_is_welchs_test() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.random((4, 30)), rng.random((7, 30))
    found = difference_of_models(
        xr.DataArray(first, dims=("repeat", "example")),
        xr.DataArray(second, dims=("repeat", "example")),
        confidence=0.9,
    )
    test = stats.ttest_ind(first.mean(1), second.mean(1), equal_var=False)
    interval = test.confidence_interval(0.9)
    assert float(found["difference"]) == pytest.approx(first.mean() - second.mean())
    assert float(found["samples_low"]) == pytest.approx(interval.low)
    assert float(found["samples_high"]) == pytest.approx(interval.high)


def test_a_single_repeat_has_the_paired_interval_over_images_alone() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.random((1, 30)), rng.random((1, 30))
    found = difference_of_models(
        xr.DataArray(first, dims=("repeat", "example")),
        xr.DataArray(second, dims=("repeat", "example")),
    )
    interval = stats.ttest_rel(first[0], second[0]).confidence_interval(0.95)
    assert np.isnan(found["samples_low"])
    assert np.isnan(found["samples_high"])
    assert float(found["images_low"]) == pytest.approx(interval.low)
    assert float(found["images_high"]) == pytest.approx(interval.high)


def test_what_does_not_vary_has_no_interval() -> None:
    same = xr.DataArray(np.ones((3, 4)), dims=("repeat", "example"))
    found = difference_of_models(same, same)
    assert float(found["difference"]) == 0
    assert all(np.isnan(found[f"{kind}_low"]) for kind in ("samples", "images"))


@pytest.mark.statistical
def test_the_law_is_recovered_and_noise_does_not_break_it() -> None:
    sizes = [1, 5, 10, 100, 1000]
    exact = fit_reach(means(law(sizes, 37.0, 0.6), sizes))
    assert float(exact["noise_scale"]) == pytest.approx(37.0)
    assert float(exact["limit"]) == pytest.approx(0.6)
    assert float(exact["error"]) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(exact["reach"], law(sizes, 37.0, 1.0))
    # equal errors of the cosines: unweighted, the smallest cosine would decide alone (B off by 60)
    errors = np.array([0.01, -0.01, 0.01, -0.01, 0.01])
    noisy = fit_reach(means(law(sizes, 37.0, 0.6) + errors, sizes))
    assert float(noisy["noise_scale"]) == pytest.approx(37.0, rel=0.1)
    assert 0.005 < float(noisy["error"]) < 0.02


def test_undefined_sizes_are_left_out_of_the_fit() -> None:
    cosines = law((1, 10, 100), 20.0)
    cosines[0] = np.nan
    found = fit_reach(means(cosines))
    assert float(found["noise_scale"]) == pytest.approx(20.0)
    assert found["reach"].values[0] == pytest.approx(law([1], 20.0, 1.0)[0])


@pytest.mark.parametrize(
    "cosines",
    [
        [np.nan, np.nan, 0.5],  # one size
        [0.1, -0.01, 0.5],  # a sign that the law cannot have
        [0.03, 0.1, 0.5],  # grows faster than the root of S_A
    ],
    ids=str,
)
def test_without_a_fit_nothing_is_reached(cosines: list[float]) -> None:
    found = fit_reach(means(cosines))
    assert np.isnan(found["reach"]).all()
    assert all(np.isnan(found[name]) for name in ("noise_scale", "error", "limit"))
    assert at_reach(means(cosines), found, 0.9) is None


def test_no_noise_is_all_reach() -> None:
    found = fit_reach(means([0.7, 0.7, 0.7]))
    np.testing.assert_allclose(found["reach"], 1)
    falling = fit_reach(means([0.71, 0.7, 0.69]))  # noise of the estimate, no negative B
    assert float(falling["noise_scale"]) == 0
    assert samples_for_reach(0.0, 1.0) == 0
    assert samples_for_reach(5.0, 1.0) == np.inf
    assert samples_for_reach(2.0, 0.5) == pytest.approx(2 / 3)


def test_values_are_interpolated_and_never_extrapolated() -> None:
    fit = fit_reach(means(law(SIZES, 10.0)))
    reach = law(SIZES, 10.0, 1.0)
    values = means([3.0, 2.0, 0.0])
    between = at_reach(values, fit, float(reach[1] + 0.25 * (reach[2] - reach[1])))
    assert between is not None
    assert float(between) == pytest.approx(1.5)
    for size, expected in ((0, 3.0), (2, 0.0)):
        at_end = at_reach(values, fit, float(fit["reach"][size]))
        assert at_end is not None
        assert float(at_end) == expected
    assert at_reach(values, fit, float(reach[0]) - 1e-6) is None
    assert at_reach(values, fit, float(reach[2]) + 1e-6) is None


def noisy_against_calm(repeats: int = 3) -> Comparison:
    """The first model is noisier and, at any share of the reachable cosine, weaker by 15 points."""
    noisy, calm = law(SIZES, 150.0, 1.0), law(SIZES, 5.0, 1.0)
    first = with_accuracy(0.75 - 0.6 * noisy, images=1000, repeats=repeats)
    second = with_accuracy(0.90 - 0.6 * calm, images=1000, repeats=repeats)
    return compare_results(
        planted(first, cosines=0.8 * noisy, attack_samples=SIZES),
        planted(second, cosines=0.5 * calm, attack_samples=SIZES),
    )


def test_equal_size_and_equal_reach_can_have_opposite_signs() -> None:
    found = noisy_against_calm()
    by_size = found.at_equal_size()
    assert by_size.index.tolist() == [1, 10, 100]
    at_ten = 0.75 - 0.6 * law([10], 150.0, 1.0)[0] - (0.90 - 0.6 * law([10], 5.0, 1.0)[0])
    assert by_size.loc[10, "difference"] == pytest.approx(at_ten, abs=0.001)
    assert at_ten > 0.15
    # accuracies were planted linear in the share, so that interpolation is exact
    by_reach = found.at_equal_reach([0.5, 0.6])
    largest = law([100], 150.0, 1.0)[0]
    assert by_reach.index.tolist() == pytest.approx([0.5, 0.6, largest])
    assert by_reach["difference"].tolist() == pytest.approx([-0.15] * 3, abs=0.002)
    needed = [[B * share**2 / (1 - share**2) for B in (150, 5)] for share in (0.5, 0.6, largest)]
    np.testing.assert_allclose(by_reach[["first_samples", "second_samples"]], needed, rtol=1e-5)


def test_a_share_that_is_not_reached_says_what_it_takes() -> None:
    row = noisy_against_calm().at_equal_reach([0.9]).loc[0.9]
    assert row["first_samples"] == pytest.approx(150 * 0.81 / 0.19, rel=1e-5)
    assert row[["first", "difference", "samples_low", "images_high"]].isna().all()
    assert row["second"] == pytest.approx(0.9 - 0.6 * 0.9, abs=0.002)


@pytest.mark.slow
@pytest.mark.statistical
def test_the_interval_at_equal_reach_covers_although_b_is_fitted() -> None:
    """600 experiments with noisy cosines: within 5 standard errors (4.4 points) of 95 %.

    Accuracy falls with the reach, so that an error of B is one of the accuracy.
    """
    rng = np.random.default_rng(11)
    experiments, images, repeats = 600, 100, 5
    location = rng.normal(size=(1, images))
    found, truth = [], []
    for noise_scale, level in ((8.0, 1.5), (3.0, 1.0)):
        reach = law(SIZES, noise_scale, 1.0)
        settings: dict[str, Any] = {
            "repeats": repeats,
            "block": 50,
            "shared": 0.5,
            "experiments": experiments,
        }
        correct = xr.DataArray(
            np.stack([outcomes(rng, level - r + location, **settings) for r in reach], axis=-1),
            dims=(*DIMS, "attack_samples"),
        )
        # a mean over images and repeats of single cosines with standard deviation 0.3
        error = 0.3 / (images * repeats) ** 0.5
        cosines = 0.8 * reach + error * rng.normal(size=(experiments, len(SIZES)))
        at = [
            at_reach(correct[experiment].astype(float), fit_reach(means(cosine)), 0.9)
            for experiment, cosine in enumerate(cosines)
        ]
        found.append(xr.concat([each for each in at if each is not None], "experiment"))
        assert found[-1].sizes["experiment"] == experiments
        ends = [stats.norm.cdf((level - r + location) / 1.25**0.5).mean() for r in reach]
        truth.append(np.interp(0.9, reach, ends))
    covered = rate(difference_of_models(found[0], found[1]), "samples", truth[0] - truth[1])
    assert abs(covered - 0.95) < 5 * (0.95 * 0.05 / experiments) ** 0.5, covered


@pytest.mark.parametrize("spec", [{"attack": "pgd"}, {"norm": "linf"}], ids=str)
def test_other_attacks_than_one_l2_step_have_no_law(spec: dict[str, Any]) -> None:
    found = compare_results(small(spec=spec), small(spec=spec))
    assert not found.law
    assert np.isnan(found.first_fit["reach"]).all()
    np.testing.assert_allclose(found.first_fit["cosine"], law(SIZES, 5.0), rtol=1e-6)
    assert found.at_equal_reach()["difference"].isna().all()
    assert compare_results(small(), small()).law


def test_without_noise_the_largest_size_counts() -> None:
    """All sizes reach everything; the smallest is the weakest attack."""
    correct = with_accuracy([0.9, 0.8, 0.7], images=20)
    flat = planted(correct, cosines=[0.5, 0.5, 0.5], attack_samples=SIZES)
    row = compare_results(flat, flat).at_equal_reach().loc[1.0]
    assert row["first"] == pytest.approx(0.7)


def test_every_strength_is_compared_beside_the_clean_accuracies() -> None:
    rng = np.random.default_rng(7)
    tables = []
    for strengths in ((0.0, 0.3, 0.5), (0.0, 0.5, 0.1 + 0.2)):
        result = planted(
            rng.random((3, 30, 2)) < 0.5,
            cosines=[0.3, 0.5],
            attack_samples=(1, 5),
            strengths=strengths,
        )
        tables.append(result)
    values = tables[0][GROUP].dataset
    fewer = values["clean_correct"] & (values["example"] < 24)
    tables[0][GROUP] = xr.DataTree(values.assign(clean_correct=fewer))
    found = compare_results(*tables)
    table = found.at_every_strength()
    assert table.index.tolist() == [0.0, 0.3, 0.5]
    assert table["first"].tolist()[0] == pytest.approx(0.8)
    assert table["second"].tolist()[0] == 1.0
    at = [tree[GROUP].dataset["adversarial_correct"].sel(attack_samples=5) for tree in tables]
    for column, of in zip(("first", "second"), at, strict=True):
        assert table[column].tolist()[2] == pytest.approx(float(of.sel(strength=0.5).mean()))
    assert float(table["samples_low"].loc[0.5]) < float(table["difference"].loc[0.5])


def test_without_a_common_size_only_the_clean_accuracies_are_compared() -> None:
    found = compare_results(small(), small(attack_samples=(2, 20, 200)))
    assert found.sizes == []
    assert found.at_every_strength().index.tolist() == [0.0]
    assert len(found.at_equal_size()) == 0


def small(**changes: Any) -> xr.DataTree:
    options: dict[str, Any] = {"cosines": law(SIZES, 5.0), "attack_samples": SIZES, **changes}
    sizes = len(options["attack_samples"])
    return planted(with_accuracy([0.5] * sizes, images=20), **options)


def test_the_same_result_twice_does_not_differ() -> None:
    rng = np.random.default_rng(4)
    one = planted(rng.random((3, 20, 3)) < 0.5, cosines=law(SIZES, 5.0), attack_samples=SIZES)
    found = compare_results(one, one)
    for table in (found.at_equal_size(), found.at_equal_reach()):
        known = table.dropna(subset=["difference"])
        assert len(known) > 1
        assert (known["difference"] == 0).all()
        assert ((known["samples_low"] < 0) & (known["samples_high"] > 0)).all()


def test_what_both_have_is_compared() -> None:
    rng = np.random.default_rng(6)
    correct = rng.random((2, 30, 2)) < 0.5
    first = planted(
        correct, cosines=[0.3, 0.5], attack_samples=(1, 5), strengths=(0.1, 0.3, 0.7),
        inference_samples=(10, 50, 100),
    )  # fmt: skip
    # the other's images are 10 … 49: the overlap has the same outcomes
    more = np.concatenate([correct[:, 10:], rng.random((2, 20, 2)) < 0.5], axis=1)
    second = planted(
        more, cosines=[0.5, 0.6], attack_samples=(5, 9), strengths=(0.1, 0.1 + 0.2, 0.9),
        inference_samples=(10, 50, 1000), first_example=10,
    )  # fmt: skip
    found = compare_results(first, second)
    assert found.strength == pytest.approx(0.3)
    assert found.inference_samples == 50
    assert found.first["example"].values.tolist() == list(range(10, 30))
    table = found.at_equal_size()
    assert table.index.tolist() == [5]
    assert table.loc[5, "first"] == pytest.approx(correct[:, 10:, 1].mean())
    assert table.loc[5, "second"] == pytest.approx(correct[:, 10:, 0].mean())
    assert compare_results(first, second, strength=0.1).strength == 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"provenance": {"dataset_digest": "f" * 16}}, r"two data sets, simulated \(01234567\)"),
        ({"provenance": {"dataset_digest": ""}}, "the second result does not say what its data"),
        ({"spec": {"attack": "pgd"}}, "differ in 'attack': fgm in the first, pgd in the second"),
        ({"spec": {"attack_options": {"steps": 5}}}, "differ in 'attack_options': {} in the first"),
        ({"spec": {"norm": "linf"}}, "differ in 'norm': l2 in the first, linf in the second"),
        ({"spec": {"labels": "predicted"}}, "differ in 'labels'"),
        ({"spec": {"clip": True}}, "differ in 'clip': False in the first, True in the second"),
        ({"spec": {"clip_judged": True}}, "differ in 'clip_judged'"),
        ({"strengths": (0.7, 0.9)}, "no strength in common: 0.5 and 0.7, 0.9"),
        ({"inference_samples": (3,)}, "no S_I in common: 100 and 3; run one again"),
        ({"first_example": 19}, "have 1 of their images in common; 2 are needed"),
    ],
    ids=str,
)
def test_results_that_cannot_be_compared_say_why(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        compare_results(small(), small(**changes))


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"strength 0\.6 is not in both results; .* are 0\.5"):
        compare_results(small(), small(), strength=0.6)
    found = compare_results(small(), small(spec={"loss": "margin"}))  # a loss of its own is fine
    with pytest.raises(ArgumentError, match="shares must be between 0 and 1, got 1"):
        found.at_equal_reach([0.5, 1.0])
    with pytest.raises(ArgumentError, match="confidence must be between 0 and 1, got 95"):
        found.at_equal_size(confidence=95.0)
    images = xr.DataArray(np.ones((2, 1)), dims=("repeat", "example"))
    with pytest.raises(ArgumentError, match="at least 2, got 1"):
        difference_of_models(images, images)
    one, other = (images.assign_coords(example=[i]) for i in (0, 1))
    with pytest.raises(ArgumentError, match="must have the same images"):
        difference_of_models(one, other)
