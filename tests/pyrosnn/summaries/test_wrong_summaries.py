"""Wrong types, shapes and results end in pyrosnn's own errors, at every summary.

Each is called with right arguments but one or two, which hypothesis takes from
``support.wrong_values``: ``EXAMPLES`` calls of each.
"""

import dataclasses
import inspect
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr
from support.small_result import small_result
from support.standard_result import standard_result
from support.wrong_values import refuses

import pyrosnn
from pyrosnn import evaluation, summaries
from pyrosnn.errors import PyrosnnError
from pyrosnn.models import build_model
from pyrosnn.models.smoothed import Smoothed

EXAMPLES = 40
OVER = ("repeat", "example", "inference_samples")


@cache
def _values() -> dict[str, Any]:
    """Return results of every kind that a summary reads, by what they are."""
    digits = pyrosnn.load_dataset("digits")
    options = {"hidden": (3,)}
    bnn = build_model("bnn", image_shape=(1, 8, 8), num_classes=10, options=options)
    x, y = digits.test_images(4)
    moments = evaluation.attack_moments(
        bnn, x, y, attack=pyrosnn.FGM(), num_samples=40, inference_samples=5, seed=0
    )
    inference = pyrosnn.draw_sample_set(bnn, x, 3, seed=0, stream="inference")
    verified = pyrosnn.verify(bnn, x, y, samples=inference, strengths=[0.0, 0.1], method="ibp")
    noisy = Smoothed(bnn, variance=0.1)
    certified = pyrosnn.certify(noisy, x, y, num_samples=8, selection_samples=4, distances=[0, 0.1])
    certified["attacked_correct"] = (("example", "distance"), np.ones((4, 2), dtype=bool))
    spread = evaluation.gradient_moments(bnn, x, y, num_samples=3)
    sets = pyrosnn.disjoint_sample_sets(bnn, x, attack=2, inference=3, seed=0)
    judged = pyrosnn.evaluate(
        bnn, x, y, attack=pyrosnn.FGM(strength=0.5),
        attack_samples=sets[0], inference_samples=sets[1],
    )  # fmt: skip
    made = {"dataset": "digits", "dataset_digest": digits.digest}

    def result(values: xr.Dataset, group: str) -> xr.DataTree:
        return pyrosnn.make_result(values, study="mine", spec={}, provenance=made, group=group)

    sizes = small_result()
    return {
        "sizes": sizes,
        "standard": standard_result(12, certified=True),
        "moments": moments,
        "certificates": result(certified, "certificates"),
        "verification": result(verified, "verification"),
        "variation": result(spread, "variation"),
        "judged": result(judged, "evaluation"),
        "cosine": sizes["evaluation"]["cosine"].sel(strength=0.5).mean(OVER),
    }


def _calls() -> dict[str, dict[str, Any]]:
    """Return right arguments of every function and class, but for ``DEFAULT``, by its name."""
    of = _values()
    sizes, standard, certified = of["sizes"], of["standard"], of["certificates"]
    spec = {"norm": "l2", "labels": "predicted"}
    fit = summaries.fit_reach(of["cosine"])
    advice = summaries.advise(of["moments"], inference_samples=5)
    compared = summaries.compare_results(sizes, sizes)
    right = np.array([[1.0, 0.5], [0.0, 1.0]])
    models = xr.DataArray(right, dims=("repeat", "example"))
    return {
        "Advice": _fields(advice),
        "Comparison": _fields(compared),
        "accuracy_intervals": {"result": sizes, "confidence": 0.9},
        "at_reach": {"values": of["cosine"], "fit": fit, "share": 0.9},
        "at_strength": {"result": sizes, "name": "cosine", "strength": 0.5, "drop": True},
        "attacked_at": {"result": certified},
        "attacks_predicted": {"spec": spec},
        "broken": {"result": certified, "certificate": "margin"},
        "certified_accuracy": {"result": certified},
        "certified_at": {"result": certified},
        "certified_threats": {"result": standard},
        "clopper_pearson": {"successes": np.array([1, 2]), "trials": 3, "confidence": 0.9},
        "compare_certificates": {"first": certified, "second": certified, "confidence": 0.9},
        "compare_evaluations": {"first": standard, "second": standard, "confidence": 0.9},
        "compare_results": {"first": sizes, "second": sizes, "strength": 0.5},
        "cosine_table": {"result": sizes, "strength": 0.5, "hdi_prob": 0.9},
        "data_set_certificate": {"result": certified, "alpha": 0.01},
        "deviations": {"spec": spec},
        "difference_of_models": {"first": models, "second": models, "confidence": 0.9, "most": 1},
        "entry_table": {"result": standard, "confidence": 0.9},
        "explain": {"first": standard, "second": standard, "strength": None, "confidence": 0.9},
        "fit_reach": {"cosine": of["cosine"]},
        "jackknife": {"of": lambda moments: moments["direction_square"], "moments": of["moments"]},
        "judges_clipped": {"spec": spec},
        "known_reach": {
            "moments": of["moments"],
            "cosine": of["cosine"],
            "inference_samples": 5,
        },
        "missing_parts": {
            "first": standard,
            "second": standard,
            "explained": summaries.explain(standard, standard),
        },
        "noise_factor": {"moments": of["moments"], "direction": "attack", "sizes": [1, 2]},
        "paired_differences": {
            "values": models.expand_dims(size=[1, 2]),
            "dim": "size",
            "reference": 2,
            "confidence": 0.9,
            "most": 1.0,
        },
        "reachable_share": {"sizes": np.array([1, 2, 4]), "cosines": np.array([0.2, 0.3, 0.4])},
        "robust_at": {"correct": np.array([1, 2]), "number": 3, "k": 2},
        "samples_for_reach": {"noise_scale": 2.0, "share": 0.9},
        "standard_table": {"result": standard, "confidence": 0.9, "queries": [1, 10]},
        "targeted_success": {"result": of["judged"], "target": 3},
        "confusion_matrix": {"result": of["judged"], "strength": 0.5},
        "variation_table": {"result": of["variation"]},
        "verified_accuracy": {"result": of["verification"]},
    }


# Right arguments of the other functions, by their names.
DEFAULT = {
    "share": 0.9,
    "confidence": 0.9,
    "strength": 0.5,
    "inference_samples": 5,
    "attack_samples": [1, 2],
    "order": 2,
}


def _right(name: str) -> dict[str, Any]:
    calls, of = _calls(), _values()
    if name in calls:
        return calls[name]
    known = {**DEFAULT, "result": of["sizes"], "moments": of["moments"]}
    names = inspect.signature(getattr(summaries, name)).parameters
    right = {one: known[one] for one in names}
    if name == "predicted_cosine":
        right["inference_samples"] = [1, 2]
    return right


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", summaries.__all__)
def test_wrong_types_and_shapes_are_refused_in_words(name: str) -> None:
    function, right = getattr(summaries, name), _right(name)
    function(**right)
    refuses(function, right, EXAMPLES)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        (
            "noise_scale",
            {"moments": 5},
            "moments must be a Dataset, got 5; give what pyrosnn.evaluation.attack_moments "
            "returned",
        ),
        (
            "noise_scale",
            {"moments": lambda of: of["moments"].drop_vars("direction_square")},
            "the dataset of moments lacks direction_square; give what "
            "pyrosnn.evaluation.attack_moments returned",
        ),
        (
            "noise_factor",
            {"direction": "atack"},
            "unknown direction 'atack'; did you mean 'attack'? (attack, condition)",
        ),
        (
            "broken",
            {"certificate": "nope"},
            "unknown certificate of the result 'nope'; choose one of (votes, ",
        ),
        (
            "accuracies",
            {"result": "a.nc"},
            "result must be a DataTree or a Dataset, got 'a.nc'; read a",
        ),
        ("advise", {"share": "much"}, "share must be a number, got 'much'"),
        ("clopper_pearson", {"trials": 2.5}, "trials must be an integer >= 1, got 2.5"),
        (
            "robust_at",
            {"correct": [0.5]},
            "counts of correct queries must be integers between 0 and 3, got [0.5]",
        ),
        (
            "fit_reach",
            {"cosine": lambda of: of["cosine"].expand_dims(example=3)},
            "the array of cosines is not as it should be, or this is a fault of pyrosnn (",
        ),
    ],
)
def test_errors_say_what_is_wrong_and_what_to_do(
    name: str, wrong: dict[str, Any], words: str
) -> None:
    made = {k: v(_values()) if callable(v) else v for k, v in wrong.items()}
    with pytest.raises(PyrosnnError) as refused:
        getattr(summaries, name)(**{**_right(name), **made})
    assert str(refused.value).startswith(words)
