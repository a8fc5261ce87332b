"""Wrong types and shapes end in pyrosnn's own errors, at what a study is called with from Python.

Each call has right arguments but one or two, which hypothesis takes from ``support.wrong_values``:
``EXAMPLES`` calls of each.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.wrong_values import refuses

from pyrosnn.data.dataset import Dataset
from pyrosnn.training import preset
from pyrosnn_studies import STUDIES
from pyrosnn_studies.opening import open_subject
from pyrosnn_studies.study import find_study

EXAMPLES = 25
CALLS = ("find_study", "open_subject", "run", "make_spec")


@pytest.fixture(autouse=True)
def within_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are drawn at random."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", list(STUDIES))
def test_wrong_settings_are_refused_in_words(name: str, digits: Dataset) -> None:
    study = find_study(name)
    training = preset("bnn", smoothing_variance=0.1 if STUDIES[name].needs == "smoothed" else 0.0)
    spec = study.make_spec("quick", digits, training)
    right = {one.name: getattr(spec, one.name) for one in dataclasses.fields(spec)}
    refuses(study.spec, right, EXAMPLES)
    refuses(partial(study.make_spec, "quick", digits, training), right, EXAMPLES)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", CALLS)
def test_wrong_subjects_are_refused_in_words(name: str, checkpoint_path: Path) -> None:
    angles = find_study("gaussian-angles")
    few = angles.make_spec("quick", None, None, pairs=2, largest=1.0, step=1.0)
    sizes = find_study("sample-size")
    calls: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "find_study": (find_study, {"name": "ablation"}),
        "open_subject": (
            open_subject,
            {
                "model": checkpoint_path,
                "dataset": "digits",
                "data_root": None,
                "device": "cpu",
                "memory_budget": 10**6,
            },
        ),
        "run": (angles.run, {"spec": few, "subject": None}),
        "make_spec": (
            lambda start, dataset, training: sizes.make_spec(start, dataset, training),
            {"start": "quick", "dataset": None, "training": None},
        ),
    }
    refuses(*calls[name], EXAMPLES)
