"""A study is one file with its presets and a row of the table: then it is run as ours are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from support.counting import Counting
from typer.testing import CliRunner

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import UnknownNameError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import merge_results, open_results, read_spec, result_digest, save_results
from pyrosnn.training import preset
from pyrosnn_cli.main import app
from pyrosnn_studies import STUDIES, Entry
from pyrosnn_studies.store import CellStore
from pyrosnn_studies.study import Study, find_study
from pyrosnn_studies.subject import Subject

LENGTHS = (0.0, 1.0, 4.0)


@pytest.fixture(autouse=True)
def row(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Entry(home="outside.study:STUDY", settings="outside.study:NoisySpec")
    monkeypatch.setitem(STUDIES, "noisy", row)


@pytest.fixture
def noisy(bnn: StochasticClassifier, digits: Dataset) -> tuple[Study, Any, Subject]:
    """The study, its settings, and what it works on."""
    study, training = find_study("noisy"), preset("bnn")
    spec = study.make_spec("quick", digits, training, strengths=LENGTHS)
    return study, spec, Subject(classifier=bnn, dataset=digits, training=training)


def test_its_presets_are_its_own(digits: Dataset) -> None:
    study = find_study("noisy")
    spec = study.make_spec("quick", digits, preset("bnn"), seed=3)
    assert (spec.images, spec.seed) == (20, 3)
    assert spec.strengths == (0.6,)  # what single strengths are on digits
    with pytest.raises(UnknownNameError, match="unknown preset 'paper'"):
        study.make_spec("paper", digits, preset("bnn"))
    with pytest.raises(UnknownNameError, match="did you mean 'noisy'"):
        find_study("nosy")


def test_it_resumes(noisy: tuple[Study, Any, Subject], tmp_path: Path) -> None:
    study, spec, subject = noisy
    store, first, second = CellStore(tmp_path), Counting(stop=4), Counting()
    with pytest.raises(KeyboardInterrupt):
        study.run(spec, subject, store=store, compute=first)
    resumed = study.run(spec, subject, store=store, compute=second)
    assert (len(first.ran), len(second.ran)) == (4, 2)
    assert result_digest(resumed) == result_digest(study.run(spec, subject))


def test_its_parts_are_merged_and_opened(noisy: tuple[Study, Any, Subject], tmp_path: Path) -> None:
    study, spec, subject = noisy
    whole = study.run(spec, subject)
    kept = whole["noisy"].dataset["kept"]
    assert dict(kept.sizes) == {"repeat": 2, "strength": 3}
    assert bool((kept.sel(strength=4.0) < kept.sel(strength=0.0)).all())
    parts = []
    for number, part in enumerate(
        (
            replace(spec, repeats=1, first_repeat=1),
            replace(spec, repeats=1, strengths=LENGTHS[:1]),
            replace(spec, repeats=1, strengths=LENGTHS[1:]),
        )
    ):
        path = tmp_path / f"{number}.nc"
        save_results(path, study.run(part, subject))
        parts.append(open_results(path))
    merged = merge_results(parts)
    xr.testing.assert_identical(merged["noisy"].to_dataset(), whole["noisy"].to_dataset())
    assert read_spec(merged) == read_spec(whole)


def test_the_commands_read_it(
    noisy: tuple[Study, Any, Subject], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, spec, subject = noisy
    monkeypatch.chdir(tmp_path)
    result = study.run(spec, subject)
    save_results("noisy.nc", result)
    share = study.tables(result)[0].texts[0][1]
    for words, expected in (
        (["summary", "noisy.nc"], share),
        (["plot", "noisy.nc"], "wrote noisy.png"),
        (["study", "list"], "Share of images that a classifier has right"),
        (["study", "noisy", "--help"], "Standard deviations of the noise."),
    ):
        shown = CliRunner().invoke(app, words, prog_name="pyrosnn")
        assert shown.exit_code == 0, shown.output
        assert expected in shown.stdout
