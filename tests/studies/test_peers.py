"""Other libraries' attacks on the samples of an evaluation, judged as the evaluation judges."""

import tomllib
from pathlib import Path

import pytest

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import FileError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.training import preset
from pyrosnn_studies.evaluation import STUDY
from pyrosnn_studies.listing import read_jobs
from pyrosnn_studies.subject import Subject
from reproduction import peers
from reproduction.peers import ARCHIVE, TITLES, Reached, filled, measured, read, table, write

ROWS = [
    Reached(model=model, norm="l2", strength=0.6, images=50, attack=attack, withstand=number)
    for model, numbers in (("bnn", (30, 20)), ("im", (25, 25)))
    for attack, number in zip(("FGM", ARCHIVE), numbers, strict=True)
]


def test_the_smallest_share_of_a_column_is_bold() -> None:
    header, rows = table(ROWS, "l2")
    assert header == ["attack", "digits, BNN, ℓ2 0.6", "digits, IM, ℓ2 0.6"]
    assert rows == [["FGM", "60.0", "**50.0**"], [ARCHIVE, "**40.0**", "**50.0**"]]


def test_a_page_is_filled_between_its_markers() -> None:
    text = filled("before\n<!-- table: peers-l2 -->\nold\n<!-- end -->\nafter", ROWS)
    assert text.startswith("before\n<!-- table: peers-l2 -->\n| attack | digits, BNN")
    assert text.endswith("| **40.0** | **50.0** |\n<!-- end -->\nafter")


def test_what_was_not_measured_is_a_dash_or_named() -> None:
    _, rows = table(ROWS[:3], "l2")
    assert rows[1] == [ARCHIVE, "**40.0**", "-"]
    with pytest.raises(FileError, match="nothing was measured in linf"):
        table(ROWS, "linf")


def test_rows_come_back_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "peers.csv"
    assert read(path) == []
    write(path, ROWS)
    assert read(path) == ROWS


def test_the_list_has_an_evaluation_of_each_model() -> None:
    path = Path(__file__).parents[2] / "reproduction" / "standard.toml"
    trained, studies = read_jobs(path)
    assert set(trained) == set(studies) == set(TITLES)
    assert all(
        {"linf", "l2"} <= set(run) for run in tomllib.loads(path.read_text())["study"].values()
    )


@pytest.mark.slow
def test_the_judge_is_that_of_the_evaluation(
    bnn: StochasticClassifier, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FGM leaves what the evaluation says it leaves, in two blocks of images."""
    settings = {"images": 30, "block_size": 20, "l2": 0.6, "linf": 0.1, "attack": "fgm"}
    settings |= {"attack_samples": 5, "diagnosis": False, "checks": False}
    spec = STUDY.make_spec("quick", digits, preset("bnn"), **settings)
    result = STUDY.run(spec, Subject(classifier=bnn, dataset=digits, training=preset("bnn")))
    monkeypatch.setattr(peers, "STEPS", 50)
    monkeypatch.setattr(peers, "QUERIES", 20)
    rows = list(measured("bnn", result, bnn, digits))
    assert [(row.norm, row.strength) for row in rows] == [("linf", 0.1)] * 11 + [("l2", 0.6)] * 11
    values = result["standard"].to_dataset().isel(repeat=0)
    for threat, norm in enumerate(("linf", "l2")):
        counts = {row.attack: row.withstand for row in rows if row.norm == norm}
        at = values.isel(threat=threat)
        assert counts[ARCHIVE] == int(at["archive_correct"].sum())
        assert counts["FGM"] == int(at["entry_correct"].sel(entry="fgm").sum())
        assert 0 < counts[ARCHIVE] <= min(counts.values())
