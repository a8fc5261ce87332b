"""The gallery has every figure, each above the command that draws it."""

import re
from pathlib import Path

from pyrosnn_studies import STUDIES

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "images" / "gallery"
SECTION = re.compile(
    r"^```sh\npyrosnn (.+)\n```\n\n!\[.+\]\(images/gallery/(.+)\.png\)$", re.MULTILINE
)
MOST = 600_000  # bytes of all figures
NAMES = {*STUDIES, "explanation"}  # of two results


def test_every_study_has_a_figure_and_its_command() -> None:
    sections = SECTION.findall((ROOT / "docs" / "gallery.md").read_text("utf-8"))
    assert {name for _, name in sections} == NAMES
    names = {
        "evaluate": "evaluation",
        "diagnose": "diagnosis",
        "certify": "certificates",
        "explain": "explanation",
    }
    for command, name in sections:
        first, *words = command.split()
        assert names.get(first, words[0]) == name, command


def test_the_figures_are_there_and_small() -> None:
    figures = {path.stem: path.stat().st_size for path in FIGURES.glob("*.png")}
    assert set(figures) == NAMES
    assert sum(figures.values()) <= MOST
