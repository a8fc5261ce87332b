"""Tables in every format: hostile texts, numbers in full, and what LaTeX can read."""

import io
import json
import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.tables import FORMATS, Cell, Document, Number, Table, written

HOSTILE = r"Of 50 % & more_ $x^2$ #1 ~{a}\b [c] *d* <e> |f| `g` η ‖δ‖ ≤ ∞, S_A, café, 漢"
SHARE = Number(value=70.25, form=".1f", low=63.5, high=76.125)
CELLS = [
    SHARE,
    Number(value=1234.5, form=",.1f"),
    Number(value=0.6, form="#.3g", sd=0.0031),
    Number(value=8 / 255, text="8/255"),
    Number(value=math.nan, form=".1f", low=math.nan),
    Number(value=math.inf),
    Number(value=-1.5, form="+.1f", low=-math.inf, high=0.5),
]


def document(text: str = HOSTILE) -> Document:
    words = Table(title=text, columns=[text, "n"], rows=[[text, SHARE]], notes=[text, text])
    rows: list[list[Cell]] = [[f"row {index}", cell, SHARE] for index, cell in enumerate(CELLS)]
    numbers = Table(title="Numbers\nin two lines", columns=["name", "number", "x"], rows=rows)
    return Document(heading=[text], tables=[words, numbers], closing=[text])


def test_numbers_are_shown_with_what_is_known_of_them() -> None:
    shown = ["70.2 [63.5, 76.1]", "1,234.5", "0.600 ± 0.003", "8/255", "-", "∞", "-1.5 [-∞, +0.5]"]
    assert [str(cell) for cell in CELLS] == shown
    assert str(Number(value=0.5, sd=0.0)) == "0.5"  # ± 0 would say that nothing varies


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (-2.22e-17, ".3f", "0.000"),
        (-2.22e-15, "+,.1f", "+0.0"),
        (-0.04, "+.1f", "-0.0"),  # an interval that ends there has zero within it
        (1e-17, ".2g", "1e-17"),  # a p-value
        (-3, ",", "-3"),
        (np.float32(-1e-20), ".1f", "0.0"),
        (np.float64(-1e-17), "+.1%", "+0.0%"),
        (-1e-17, ".0%", "0%"),
    ],
)
def test_the_rounding_of_a_zero_has_no_minus(value: float, form: str, shown: str) -> None:
    number = Number(value=value, form=form)
    assert str(number) == shown
    table = Table(title="t", columns=["n"], rows=[[number]])
    assert "e-1" not in written(Document(tables=[table]), "csv") or form == ".2g"


def test_an_interval_may_stand_alone() -> None:
    interval = Number(value=1.5, form="+.1f", low=1.0, high=2.0, bare=True)
    assert str(interval) == "[+1.0, +2.0]"
    assert str(Number(value=1.5, bare=True)) == "-"


def test_words_stand_to_the_left_in_every_format() -> None:
    rows: list[list[Cell]] = [
        ["100.0 % of them", "[1, 2]", Number(value=math.nan, text="no fit")],
        ["none", "-", Number(value=2.0)],
    ]
    table = Table(title="t", columns=["words", "numbers", "n"], rows=rows)
    assert [table.has_words(index) for index in range(3)] == [True, False, False]
    latex = written(Document(tables=[table]), "latex")
    assert r"\begin{tabular}{lrr}" in latex
    assert latex_rows(latex)[1].endswith(r"& no fit \\")
    assert "| :--- | ---: | ---: |" in written(Document(tables=[table]), "markdown")


def latex_rows(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.endswith(r" \\")]


def test_latex_is_balanced_and_escaped() -> None:
    text = written(document(), "latex")
    code = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    begun, ended = (re.findall(rf"\\{word}{{(\w+)}}", code) for word in ("begin", "end"))
    assert sorted(begun) == sorted(ended) == ["table", "table", "tabular", "tabular"]
    bare = re.sub(r"\\[{}]", "", code)
    assert bare.count("{") == bare.count("}")
    assert len(re.findall(r"(?<!\\)\$", code)) % 2 == 0
    widths = [len(re.findall(r"(?<!\\)&", row)) for row in latex_rows(text)]
    assert widths == [1, 1, *[2] * 8]
    outside = re.sub(r"(?<!\\)\$.*?(?<!\\)\$", "", bare)  # in math mode _ and ^ are at home
    assert not re.findall(r"(?<!\\)[#_%]|(?<!\\textasciicircum)\^|~", outside)
    assert set(code) - {"é"} <= set(map(chr, range(128)))
    assert r"\toprule" in code
    assert r"$70.2\,[63.5,\,76.1]$" in code
    assert r"$1{,}234.5$" in code
    assert r"$-1.5\,[-\infty,\,+0.5]$" in code


@pytest.mark.slow
@pytest.mark.processes
def test_latex_compiles(tmp_path: Path) -> None:
    program = next(filter(shutil.which, ("pdflatex", "tectonic")), None)
    if program is None:
        pytest.skip("neither pdflatex nor tectonic is there")
    body = written(document(), "latex")
    page = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
    (tmp_path / "a.tex").write_text(f"{page}{body}\\end{{document}}\n", "utf-8")
    stop = ["-interaction=nonstopmode", "-halt-on-error"] if program == "pdflatex" else []
    subprocess.run([program, *stop, "a.tex"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_csv_is_read_back_in_full() -> None:
    words, numbers = document().tables
    read = pd.read_csv(io.StringIO(written(Document(tables=[numbers]), "csv")))
    names = ["number", "number low", "number high", "number sd"]
    assert list(read.columns) == ["name", *names, "x", "x low", "x high"]
    for name, of in zip(names, ("value", "low", "high", "sd"), strict=True):
        assert read[name].tolist() == pytest.approx([getattr(c, of) for c in CELLS], nan_ok=True)
    read = pd.read_csv(io.StringIO(written(Document(tables=[words]), "csv")))
    assert read.iloc[0, 0] == HOSTILE
    first, second = written(document(), "csv").split("\n\n")
    assert first.startswith("# Of 50 % & more_ ")
    assert second.startswith("# Numbers in two lines\nname,number,")


def test_json_has_numbers_and_no_nan() -> None:
    made = json.loads(written(document(), "json"))
    assert made["heading"] == made["closing"] == [HOSTILE]
    words, numbers = made["tables"]
    assert words["title"] == HOSTILE
    assert words["notes"] == [HOSTILE, HOSTILE]
    assert words["rows"] == [{HOSTILE: HOSTILE, "n": {"value": 70.25, "low": 63.5, "high": 76.125}}]
    assert [row["number"] for row in numbers["rows"]] == [
        {"value": 70.25, "low": 63.5, "high": 76.125},
        1234.5,
        {"value": 0.6, "sd": 0.0031},
        8 / 255,
        None,
        None,
        {"value": -1.5, "low": None, "high": 0.5},
    ]


def test_markdown_has_a_cell_for_each_column() -> None:
    lines = written(document(), "markdown").splitlines()
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("|")]
    assert [len(row) for row in rows] == [2, 2, 2, *[3] * 9]
    assert rows[1] == [" :--- ", " ---: "]
    assert r"\<e> \|f\| \`g\`" in rows[2][0]
    assert "S_A" in rows[2][0]
    assert "**Numbers**" in lines


def test_formats_and_rows_are_checked() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown format 'latx'; did you mean 'latex'\?"):
        written(document(), "latx")
    with pytest.raises(ArgumentError, match="a cell for each column, got 1 for 2"):
        Table(title="t", columns=["a", "b"], rows=[["x"]])
    with pytest.raises(ArgumentError, match="must be None in a table without rows, got 0"):
        Table(title="t", columns=["a"], rows=[], main=0)
    with pytest.raises(ArgumentError, match="the index of a row, 0 … 1, got 2"):
        Table(title="t", columns=["a"], rows=[["x"], ["y"]], main=2)
    main: Any = np.int64(1)
    assert type(Table(title="t", columns=["a"], rows=[["x"], ["y"]], main=main).main) is int
    assert all(written(Document(tables=[]), name) is not None for name in FORMATS)
