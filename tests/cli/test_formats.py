"""Tables and figures for elsewhere: `--format`, `--table`, `--settings`, and `plot` to vectors."""

import csv
import io
import json
from pathlib import Path

import pytest
from support.program import Run, refused
from support.simulated import law, planted, with_accuracy
from support.small_result import small_result

from pyrosnn.results import save_results
from pyrosnn.summaries import accuracy_table
from pyrosnn.tables import FORMATS


@pytest.fixture
def here(tmp_path: Path, run: Run) -> Path:
    """A folder with a small result, in which the program runs."""
    save_results(tmp_path / "a.nc", small_result())
    return tmp_path


def test_summary_writes_the_same_numbers_in_every_format(run: Run, here: Path) -> None:
    row = accuracy_table(small_result()).xs((0.5, 5, 6))
    ends = [100 * row[f"adversarial{end}"] for end in ("", "_low", "_high")]
    made = json.loads(run("summary", "a.nc", "--format", "json").stdout)
    titles = [table["title"].splitlines()[0] for table in made["tables"]]
    assert titles[1] == "Adversarial accuracy in %"
    (cell,) = [
        r["S_A = 5"] for r in made["tables"][1]["rows"] if (r["strength"], r["S_I"]) == (0.5, 6)
    ]
    assert list(cell.values()) == pytest.approx(ends)
    rows = csv.DictReader(
        io.StringIO(run("summary", "a.nc", "--format", "csv", "--table", "2").stdout)
    )
    (at,) = [one for one in rows if (one["strength"], one["S_I"]) == ("0.5", "6")]
    read = [float(at[f"S_A = 5{end}"]) for end in ("", " low", " high")]
    assert read == pytest.approx(ends)
    value, low, high = (f"{end:.1f}" for end in ends)
    for name, text in {
        "text": f"{value} [{low}, {high}]",
        "markdown": f"| {value} [{low}, {high}] |",
        "latex": rf"${value}\,[{low},\,{high}]$",
    }.items():
        shown = run("summary", "a.nc", "--format", name).stdout
        assert text in shown, name
        assert "3 repeats" in shown
        assert "± 0" not in shown


def test_settings_are_tables(run: Run, here: Path) -> None:
    made = json.loads(run("summary", "a.nc", "--settings", "--format", "json").stdout)
    values = {row["name"]: row["value"] for table in made["tables"] for row in table["rows"]}
    assert values["attack_samples"] == "1, 5"
    assert values["created"] == "2026-01-01T00:00:00+00:00"
    assert values["model_digest"] == "a" * 64
    assert values["threads"] == "1"
    assert len(values["result_digest"]) == 64


def test_compare_and_check_have_formats_with_their_sentences(run: Run, tmp_path: Path) -> None:
    for name, scale, level in (("noisy", 150.0, 0.75), ("calm", 5.0, 0.9)):
        reach = law((1, 10), scale, 1.0)
        correct = with_accuracy(level - 0.6 * reach)
        result = planted(correct, cosines=0.8 * reach, attack_samples=(1, 10))
        save_results(tmp_path / f"{name}.nc", result)
    made = json.loads(run("compare", "noisy.nc", "calm.nc", "--format", "json").stdout)
    assert any("200 images" in line for line in made["heading"])
    assert any(table["title"].startswith("At equal S_A") for table in made["tables"])
    assert made["closing"]
    (row,) = [row for row in made["tables"][0]["rows"] if row["η"] == 0.5]
    both = [row["1 - 2"], row["95 %: fresh images, too"]["value"]]
    assert both == pytest.approx([row["1 planted"] - row["2 planted"]] * 2)
    latex = run("compare", "noisy.nc", "calm.nc", "--format", "latex", "--table", "2").stdout
    assert latex.count(r"\begin{tabular}") == 1

    checked = run("check", "noisy.nc", "calm.nc", "--format", "csv")
    assert checked.exit_code == 1
    first, second = checked.stdout.split("\n\n")
    assert first.startswith("# noisy.nc\ncheck,status,number,finding\nattacked-labels,pass,0.0,")
    assert second.startswith("# calm.nc\n")
    files = ("noisy.nc", "calm.nc")
    assert "Do not publish" in run("check", *files, "--format", "markdown").stdout
    assert run("check", *files, "--format", "json").stdout == run("check", *files, "--json").stdout


def test_what_is_not_there_is_named(run: Run, here: Path) -> None:
    refused(run("summary", "a.nc", "--format", "latx"), "did you mean 'latex'?")
    refused(run("summary", "a.nc", "--format", "pdf"), ", ".join(FORMATS))
    refused(run("summary", "a.nc", "--table", "9"), "--table must be at most 6, got 9; the tables")
    refused(run("summary", "a.nc", "--table", "x"), "--table expects an integer, got 'x'")
    refused(run("plot", "a.nc", "--output", "a.eps"), "must end in .png, .pdf or .svg, got a.eps")


@pytest.mark.slow
def test_plot_writes_vectors_with_text(run: Run, here: Path) -> None:
    for name, beginning in (("a.pdf", b"%PDF"), ("a.svg", b"<?xml")):
        assert run("plot", "a.nc", "--output", name).stdout == f"wrote {name}\n"
        assert (here / name).read_bytes().startswith(beginning)
        run("plot", "a.nc", "--output", f"again-{name}")
        assert (here / name).read_bytes() == (here / f"again-{name}").read_bytes()
    assert b"/FontFile2" in (here / "a.pdf").read_bytes()  # TrueType, embedded
    svg = (here / "a.svg").read_text("utf-8")
    assert "aim of the attack (cosine)</text>" in svg
    assert "95 % interval for fresh samples and fresh images." in svg
