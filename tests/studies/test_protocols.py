"""True labels and the attack's own images, but for the paper's preset, whose tables say so."""

import json
from typing import Any

import pytest
import xarray as xr
from support.small_result import small_result

from pyrosnn.results import read_spec
from pyrosnn.settings.presets import PRESETS
from pyrosnn.summaries import deviations
from pyrosnn_studies import STUDIES
from pyrosnn_studies.presets import preset_settings
from pyrosnn_studies.shown import shown_of
from pyrosnn_studies.study import find_study
from pyrosnn_studies.titles import titled

PAPER = {"labels": "predicted", "clip_judged": True}


def deviating() -> set[tuple[str, str]]:
    names = [(study, preset) for study in STUDIES for preset in PRESETS]
    return {name for name in names if deviations(preset_settings(*name))}


def test_presets_attack_true_labels_and_judge_what_the_attack_made_but_for_the_paper() -> None:
    assert deviating() == {("sample-size", "paper"), ("inference-size", "paper")}


def meant(**spec: Any) -> xr.DataTree:
    result = small_result()
    result.attrs["spec"] = json.dumps({**read_spec(result), **spec})
    return result


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"labels": "predicted", "clip_judged": True},
            " (predicted labels, clipped images judged)",
        ),
        ({**PAPER, "clip": True}, " (predicted labels)"),
        ({"clip_judged": True}, " (clipped images judged)"),
        ({}, ""),
    ],
    ids=str,
)
def test_titles_say_which_labels_and_images_are_meant(spec: dict[str, Any], words: str) -> None:
    study = find_study("sample-size")
    plain = [table.title.split("\n") for table in study.tables(meant())]
    result = meant(**spec)
    for tables in (study.tables(result), shown_of(result).tables(result)):
        for (first, *others), table in zip(plain, tables, strict=True):
            assert table.title.split("\n") == [first + words, *others]
    assert titled([], meant(**spec)) == []
