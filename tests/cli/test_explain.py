"""`pyrosnn explain`, as a user runs it."""

import json
import shlex
from pathlib import Path

import pytest
import xarray as xr
from support.pages import blocks, shape
from support.program import Run, refused
from support.small_result import small_result
from support.standard_result import standard_result

from pyrosnn.results import GROUP, save_results
from pyrosnn.summaries import explain


def pair() -> list[xr.DataTree]:
    """Return two results that differ in whether images withstand, and in their angles."""
    second = small_result(model="im")
    values = second[GROUP].to_dataset()
    withstood = ~values["adversarial_correct"]
    second[GROUP] = xr.DataTree(values.assign(adversarial_correct=withstood, cosine=-values.cosine))
    return [small_result(), second]


def write(*names: str) -> None:
    """Write results: a and b of attacked images, old and new of standard evaluations."""
    for name in names:
        made = {
            "a": lambda: pair()[0],
            "b": lambda: pair()[1],
            "old": lambda: standard_result(20, shown=False),
            "new": lambda: standard_result(20, repeats=2, shown=False, model="im"),
        }[name]()
        save_results(f"{name}.nc", made)


def test_the_sentence_names_the_better_model_either_way(run: Run) -> None:
    """The change is from the first to the second, whichever is better."""
    write("a", "b")
    for order, better, by in (("ab", "1 bnn", ", with a change of -"), ("ba", "2 bnn", " by +")):
        said = " ".join(run("explain", *(f"{name}.nc" for name in order)).stdout.split())
        assert f"{better} is more robust{by}" in said


def test_the_tables_have_the_numbers_of_the_library(run: Run) -> None:
    write("a", "b")
    found = explain(*pair()).isel(attack_samples=-1)
    made = json.loads(run("explain", "a.nc", "b.nc", "--format", "json").stdout)
    assert [line.split(":")[0] for line in made["heading"][:2]] == ["1 bnn", "2 im"]
    titles = [table["title"].split(",")[0] for table in made["tables"]]
    assert titles == [
        "Accuracy under attack with S_A = 5",
        "Accuracy at η = 0.5",
        "Means over images at η = 0.5",
    ]
    row = made["tables"][0]["rows"][1]
    at = found.sel(strength=row["η"])
    assert row["2 - 1"]["value"] == pytest.approx(100 * float(at["change"]))
    for column, factor in (("margin", "margin"), ("angle", "cosine")):
        ends = [100 * float(at[f"part{end}"].sel(factor=factor)) for end in ("", "_low", "_high")]
        assert list(row[column].values()) == pytest.approx(ends)
    names = ("margin", "gradient length", "angle", "not linear")
    assert sum(row[name]["value"] for name in names) == pytest.approx(row["2 - 1"]["value"])
    assert "run pyrosnn diagnose for both models" in " ".join(made["closing"])
    assert "explain two results of pyrosnn evaluate" in " ".join(made["closing"])


def test_standard_evaluations_show_what_other_judges_leave(run: Run) -> None:
    write("old", "new")
    shown = run("explain", "old.nc", "new.nc")
    assert shown.exit_code == 0, shown.output
    for words in ("ℓ∞ 0.1", "noise switched off", "100 queries", "Under ℓ2 1.5: "):
        assert words in shown.stdout
    one = run("explain", "old.nc", "new.nc", "--strength", "1.5", "--format", "csv", "--table", "1")
    assert len(one.stdout.strip().splitlines()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("names", [("a", "b"), ("old", "new")])
def test_the_figure_is_written_beside_the_tables(
    run: Run, tmp_path: Path, names: tuple[str, str]
) -> None:
    write(*names)
    files = [f"{name}.nc" for name in names]
    made = run("explain", *files, "--output", "parts.pdf", "--format", "csv", "--table", "1")
    assert made.exit_code == 0, made.output
    assert (tmp_path / "parts.pdf").read_bytes().startswith(b"%PDF")
    assert "wrote" not in made.stdout
    again = run("explain", *files, "--output", "parts.pdf")
    refused(again, "parts.pdf exists; add --overwrite")
    assert run("explain", *files, "--output", "parts.pdf", "--overwrite").exit_code == 0


def test_models_of_other_outputs_are_warned_of(run: Run) -> None:
    save_results("logits.nc", small_result(output="logits"))
    save_results("probs.nc", small_result(output="probs"))
    assert "have no common unit" in run("explain", "logits.nc", "probs.nc").stdout
    assert "have no common unit" not in run("explain", "logits.nc", "logits.nc").stdout


def test_what_cannot_be_explained_is_one_line(run: Run) -> None:
    write("a", "b", "old")
    refused(
        run("explain", "a.nc", "old.nc"),
        "the results of 'sample-size' and 'evaluation' have no attacked images in common; explain "
        "two results of one study: of sample-size, diagnosis or the like, or of evaluation",
    )
    refused(
        run("explain", "a.nc", "b.nc", "--output", "parts.txt"),
        "--output must end in .png, .pdf or .svg, got parts.txt",
    )
    refused(
        run("explain", "a.nc", "b.nc", "--strength", "0.3"),
        "strength 0.3 is not in both results; common are 0, 0.25, 0.5",
    )


PAGE = "docs/explain.md"
REPRODUCTION = Path(__file__).parents[2] / "docs" / "reproduction"


def lines(text: str) -> list[str]:
    """Return the lines that say something."""
    return [line.rstrip() for line in text.splitlines() if line.strip() not in ("", "...")]


def test_the_page_shows_what_the_files_of_the_reproduction_say(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPRODUCTION)
    first, *said = lines(blocks("console", PAGE)[0])
    shown = lines(run(*shlex.split(first)[2:]).stdout)
    assert set(said) <= set(shown), [line for line in said if line not in shown]


def test_the_page_shows_the_tables_and_its_example_runs(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("a", "b", "old", "new")
    (_, parts, judges), (example,) = (blocks(kind, PAGE) for kind in ("console", "python"))
    for page, files in ((parts, ("a", "b")), (judges, ("old", "new"))):
        shown = lines(run("explain", *[f"{name}.nc" for name in files], "--table", "2").stdout)
        (title,) = [line for line in shown if "2 - 1" in line and "in points" in line]
        columns = shape(shown[shown.index(title) + 1].replace("im", "pni"))
        assert {*shape(title), *columns} <= {*shape(page)}
    for name, file in (("a", "bnn"), ("b", "pni")):
        (tmp_path / f"{name}.nc").rename(tmp_path / f"{file}.nc")
    exec(compile(example, "explain.md", "exec"), {})
    assert "attack_samples" in capsys.readouterr().out
