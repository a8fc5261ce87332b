"""The tutorial: its files, its commands and what they write, with fewer epochs and images."""

import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.pages import blocks, shape
from support.program import invoke

PAGE = "docs/tutorial.md"
# What a test can afford: these come last, and so instead of the page's own.
LESS = {
    "diagnose": "--images 6 --repeats 2 --attack-samples 1,3 --num-samples 40 --no-checks",
    "evaluate": "--images 6 --protocol quick-1 --attack-samples 2 --no-checks --no-diagnosis",
    "certify": "--images 6 --num-samples 60",
    "study": "--images 6 --steps 2 --relative-step 1",
}


def commands() -> list[tuple[list[str], str]]:
    """Return the page's commands of pyrosnn, and the first line that each prints."""
    found = []
    for session in blocks("console", PAGE):
        for step in re.split(r"^\$ ", session.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
            command, _, printed = step.partition("\n")
            found.append((shlex.split(command), printed.strip().partition("\n")[0]))
    return found


@pytest.fixture
def own_mine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Other pages have a module of that name, too."""
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    yield
    sys.modules.pop("mine", None)


@pytest.mark.slow
@pytest.mark.usefixtures("own_mine")
def test_the_tutorial_leads_to_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for text in blocks("python", PAGE):
        named = re.match(r"# (\w+\.py)\n", text)
        assert named
        Path(named[1]).write_text(text.replace("epochs=20", "epochs=4"), "utf-8")
    (scripts,) = blocks("sh", PAGE)
    for script in re.findall(r"^python (\w+\.py)$", scripts, re.MULTILINE):
        runpy.run_path(script, run_name="__main__")
    page = commands()
    assert {words[1] for words, _ in page} >= {*LESS, "check", "compare", "plot", "summary"}
    for words, first in page:
        assert words[0] == "pyrosnn"
        more = shlex.split(LESS.get(words[1], ""))
        words = words[: words.index(">")] if ">" in words else words
        run = invoke(*words[1:], *more)
        assert run.exit_code in ((0, 1) if words[1] == "check" else (0,)), (words, run.output)
        assert shape(first)[0] in shape(run.stdout) if first else True, (first, run.stdout)
    assert Path("noisy.pdf").read_bytes().startswith(b"%PDF")
    assert "ℓ∞ 32/255" in Path("evaluation.html").read_text("utf-8")
