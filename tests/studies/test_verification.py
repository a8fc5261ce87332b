"""Verified samples as a study: the table, the figure, and models that have no bounds."""

import numpy as np
import pytest
import xarray as xr

from pyrosnn.checks.on_result import check_result
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import NoBoundsError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.plots import verification_figure
from pyrosnn.results import make_dataset, make_result
from pyrosnn.statistics import clopper_pearson
from pyrosnn.training import preset
from pyrosnn_studies.study import find_study
from pyrosnn_studies.subject import Subject
from pyrosnn_studies.verification_tables import verification_tables

SPEC = {
    "norm": "l2",
    "clip": True,
    "method": "crown",
    "inference_samples": 8,
    "alpha": 0.01,
    "steps": 5,
}


def known(*, attacked: bool = True, logits: bool = False) -> xr.DataTree:
    """Four images and two strengths."""
    share = np.array([[1, 0.5], [1, 0], [0.5, 0], [1, 0.25]])
    values = {
        "verified": share > 0.4,
        "verified_margin": share - 0.4,
        "verified_share": share,
        "robust_low": share / 2,
        "robust_high": np.full(share.shape, 0.9),
    }
    if attacked:
        values |= {"unbroken": share >= 0, "unbroken_share": (share + 1) / 2}
    if not logits:
        values |= {"expectation_margin": share - 0.6, "expectation_verified": share > 0.6}
    coords = {"example": np.arange(4), "label": np.zeros(4, int), "strength": [0.0, 0.1]}
    return make_result(
        make_dataset(values, coords),
        study="verification",
        spec=SPEC,
        provenance={"model": "bnn", "dataset": "digits"},
        group="verification",
    )


def test_the_table_has_both_sides() -> None:
    (table,) = verification_tables(known())
    assert [[cell.partition(" [")[0] for cell in row] for row in table.texts] == [
        ["0", "100.0", "100.0", "75.0", "87.5", "93.8", "43.8 to 90.0"],
        ["0.1", "25.0", "100.0", "0.0", "18.8", "59.4", "9.4 to 90.0"],
    ]
    low, high = clopper_pearson(np.array([1]), 4)
    assert table.texts[1][1] == f"25.0 [{100 * low[0]:.1f}, {100 * high[0]:.1f}]"
    assert "ℓ2, within the data's bounds, by crown, for 4 images and S_I = 8" in table.title
    assert "confidence 0.99" in table.title
    assert "PGD with 5 steps" in table.title
    (table,) = verification_tables(known(attacked=False, logits=True))
    assert table.columns == ["strength", "mean verified", "samples verified", "P(robust)"]
    assert "PGD" not in table.title
    in_grey_levels = known()
    in_grey_levels.attrs["spec"] = in_grey_levels.attrs["spec"].replace('"l2"', '"linf"')
    values = in_grey_levels["verification"].to_dataset().assign_coords(strength=[0.0, 8 / 255])
    in_grey_levels["verification"] = xr.DataTree(values)
    (table,) = verification_tables(in_grey_levels)
    assert [row[0] for row in table.texts] == ["0", "8/255"]


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [("unbroken", True, "pass"), ("unbroken", False, "fail"), ("unbroken_share", 0.0, "fail")],
)
def test_no_proof_is_broken(name: str, value: float, status: str) -> None:
    result = known()
    result["verification"].dataset[name].values[0, 0] = value
    (finding,) = check_result(result)
    assert (finding.name, finding.status) == ("proof", status)
    (finding,) = check_result(known(attacked=False))
    assert finding.status == "skipped"


def test_the_figure_has_a_line_for_each_side() -> None:
    for result, lines in ((known(), 5), (known(attacked=False, logits=True), 2)):
        (ax,) = verification_figure(result).axes
        assert len(ax.lines) == lines
        assert np.asarray(ax.lines[0].get_ydata()).tolist() == [1.0, 0.25]


def test_a_model_without_bounds_is_refused_before_any_work(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    study = find_study("verification")
    spec = study.make_spec("quick", digits, preset("bnn"))
    assert spec.strengths[-1] == 0.06
    with pytest.raises(NoBoundsError, match="a Smoothed has no bounds"):
        study.settled(spec, Subject(classifier=Smoothed(bnn, variance=0.1), dataset=digits))
