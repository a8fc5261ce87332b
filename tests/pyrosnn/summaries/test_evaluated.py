"""Summaries take a result, or what ``evaluate`` returned; a path is refused in words."""

from typing import Any

import pandas as pd
import pytest
import xarray as xr

from pyrosnn import summaries
from pyrosnn.attacks import FGM
from pyrosnn.checks.on_result import check_result
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import make_result
from pyrosnn.sampling import disjoint_sample_sets

NAMES = (
    *("accuracies", "accuracy_on_clean", "accuracy_table", "geometry_means", "cosine_table"),
    *("posterior_like", "robust_probability", "robustness_table"),
)


def same(one: Any, other: Any) -> bool:
    return bool(one.equals(other) if isinstance(one, pd.DataFrame) else one.identical(other))


@pytest.mark.usefixtures("as_users_call")
def test_what_evaluate_returned_is_a_result(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(6)
    a, i = disjoint_sample_sets(bnn, x, attack=2, inference=3, seed=0)
    sets: dict[str, Any] = {"attack_samples": a, "inference_samples": i}
    values = evaluate(bnn, x, y, attack=FGM(strength=0.5), **sets)
    tree = make_result(values, study="mine", spec={}, provenance={})
    for name in NAMES:
        summary = getattr(summaries, name)
        assert same(summary(values), summary(tree))
        with pytest.raises(
            ArgumentError, match=r"got 'a.nc'; read a file with pyrosnn.open_results"
        ):
            summary("a.nc")
        with pytest.raises(ArgumentError, match="the dataset has no adversarial_correct"):
            summary(values[["cosine"]])
        with pytest.raises(ArgumentError, match="has no group 'evaluation' but none"):
            summary(xr.DataTree())
    assert check_result(values) == check_result(tree)
