"""Certificates as a study: what its tables say, its verdict, and an attack inside its radii."""

import re
from itertools import combinations

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_rgb
from scipy.stats import beta, norm

from pyrosnn.checks.on_result import check_result
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import NotSmoothedError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.plots import certificates_figure
from pyrosnn.results import make_dataset, make_result
from pyrosnn.summaries import broken, certified_accuracy, data_set_certificate
from pyrosnn.training import preset
from pyrosnn_studies.certificate_tables import certificate_tables, certificate_verdict
from pyrosnn_studies.study import find_study
from pyrosnn_studies.subject import Subject

SPEC = {"alpha": 0.01, "num_samples": 1000, "attack_samples": 2, "inference_samples": 50}
IMAGES = 40


def known(
    errors: int = 0, *, attacked: bool = True, kinds: tuple[str, ...] = ("votes", "margin")
) -> xr.DataTree:
    """40 images: 20 are certified to 1.0, 10 to 0.5, 5 for another class, and 5 not at all."""
    radii = np.repeat([1.0, 0.5, 2.0, np.nan], [20, 10, 5, 5])
    label = np.zeros(IMAGES, dtype=int)
    chosen = np.repeat([0, 0, 1, 0], [20, 10, 5, 5])
    values = {
        "certified_radius": np.stack([radii] * len(kinds), 1),
        "certified_class": np.stack([chosen] * len(kinds), 1),
        "vote_bound": np.full(IMAGES, 0.9),
        "own_correct": np.arange(IMAGES) < 36,
        "noise_scale": np.array(0.5),
    }
    coords = {
        "example": np.arange(IMAGES),
        "label": label,
        "certificate": list(kinds),
        "distance": [0.0, 0.6],
    }
    if attacked:
        correct = np.stack([np.arange(IMAGES) < 38, np.arange(IMAGES) < 33], 1)
        correct[:errors, 1] = False
        values["attacked_correct"] = correct
        values["inference_bound"] = np.stack([radii > 0, radii > 0.6], 1).astype(float)
    tree = make_result(
        make_dataset(values, coords),
        study="certificates",
        spec=SPEC,
        provenance={"model": "bnn", "dataset": "digits"},
        group="certificates",
    )
    return tree


def test_certified_accuracy_is_of_the_right_class_and_counts_abstentions() -> None:
    shares = certified_accuracy(known()).sel(certificate="votes")
    assert shares.values.tolist() == [0.75, 0.5]
    lower = beta.ppf(0.01, 36, 5)
    expected = norm.cdf(norm.ppf(lower) - np.array([0.0, 0.6]) / 0.5)
    np.testing.assert_allclose(data_set_certificate(known(), alpha=0.01), expected)
    assert broken(known(3), "margin").values.tolist() == [0, 3]


def test_the_table_has_both_bounds() -> None:
    (table,) = certificate_tables(known(1))
    assert table.columns == ["radius", "votes", "margin", "one draw", "attacked"]
    row = table.texts[1]
    assert row[:3] == ["0.6 = 1.2 σ", "50.0 [33.8, 66.2]", "50.0 [33.8, 66.2]"]
    assert row[-1] == "80.0 [64.4, 90.9]"  # Clopper and Pearson's for 32 of 40
    assert "[" not in row[3]  # a bound over images is no share of them
    assert "It breaks 1 of 50 certified images and radii (margin)." in table.title
    assert "votes 12.5 %" in table.title
    said = certificate_verdict(known())
    assert said[1] == (
        "Within 0.6 the accuracy is at least 50.0 % (certified, margin) and at most 82.5 % "
        "(under attack)."
    )
    assert certificate_verdict(known(attacked=False))[1].endswith("50.0 % (certified, margin).")
    # the attack is judged by the mean, which is another prediction than the vote
    assert certificate_verdict(known(kinds=("votes",)))[1].endswith("50.0 % (certified, votes).")


@pytest.mark.parametrize(
    ("result", "status", "words"),
    [
        (known(), "pass", "0 errors under attack at 50 certified"),
        (known(2), "warn", "2 errors .* too large with probability 0.01"),
        (known(5), "fail", "5 errors .* is wrong"),
        (known(attacked=False), "skipped", "no attack on a certified mean"),
    ],
)
def test_the_sandwich_is_checked(result: xr.DataTree, status: str, words: str) -> None:
    (finding,) = check_result(result)
    assert (finding.name, finding.status) == ("sandwich", status)
    assert re.search(words, finding.message), finding.message


def test_the_figure_has_a_curve_for_each_certificate() -> None:
    for result, curves in ((known(), 4), (known(attacked=False), 3)):
        figure = certificates_figure(result)
        (ax,) = figure.axes
        assert len(ax.lines) == curves
        votes = ax.lines[0]
        x, y = np.asarray(votes.get_xdata()), np.asarray(votes.get_ydata())
        assert y[x < 0.49].tolist() == [0.75] * int((x < 0.49).sum())
        assert set(y[x > 0.51].tolist()) == {0.5}


def test_the_colours_of_the_curves_are_far_apart() -> None:
    (ax,) = certificates_figure(known()).axes
    colours = [to_rgb(line.get_color()) for line in ax.lines]
    apart = [np.abs(np.subtract(a, b)).sum() for a, b in combinations(colours, 2)]
    assert min(apart) > 0.4  # of red, green and blue together


@pytest.mark.slow
@pytest.mark.statistical
def test_no_attack_succeeds_inside_a_radius(bnn: StochasticClassifier, digits: Dataset) -> None:
    """PGD with 20 steps, at radii where some images are certified."""
    study = find_study("certificates")
    training = preset("bnn")
    settings = {
        "images": 15,
        "num_samples": 400,
        "alpha": 0.01,
        "smoothing_variance": 0.05,
        "steps": 10,
    }
    spec = study.make_spec("quick", digits, training, **settings, radii=(0.02, 0.1, 0.2))
    result = study.run(spec, Subject(classifier=bnn, dataset=digits, training=training))
    counts = broken(result, "margin")
    assert int(counts["certified"].sum()) >= 10
    assert int(counts.sum()) == 0
    shares = certified_accuracy(result).sel(certificate="margin")
    attacked = result["certificates"]["attacked_correct"].mean("example")
    held = result["certificates"]["interval_held"].mean("example")
    assert bool((shares <= attacked).all())
    assert bool((shares < held).any())


def test_a_model_without_noise_is_told_how_to_get_some(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    study = find_study("certificates")
    training = preset("bnn")
    spec = study.make_spec("quick", digits, training)
    subject = Subject(classifier=bnn, dataset=digits, training=training)
    with pytest.raises(NotSmoothedError, match=r"--smoothing-variance 0\.1 on the command line"):
        study.settled(spec, subject)
    averaged = study.make_spec("quick", digits, training, smoothing_variance=0.04)
    settled = study.settled(averaged, subject)
    assert settled.radii == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    assert study.settled(settled, subject) == settled
