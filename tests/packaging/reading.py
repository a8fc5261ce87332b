"""What an installation without torch does with a result; run by `.ci/readers` on every Python.

The commands that read, and the notebook where ArviZ is installed.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"
FILE = "sample-size.nc"
COMMANDS = (
    ("summary", FILE),
    ("check", FILE),
    ("compare", FILE, FILE),
    ("explain", FILE, FILE),
    ("merge", FILE, FILE, "--output", "merged.nc"),
    ("plot", FILE),
    ("report", FILE),
)


def main() -> None:
    """Run all of it in a folder of its own; an assertion fails where something does."""
    assert importlib.util.find_spec("torch") is None, "there is torch: this checks what needs none"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(NOTEBOOKS / FILE, folder)
        os.chdir(folder)
        for words in COMMANDS:
            program = [sys.executable, "-m", "pyrosnn", *words]
            made = subprocess.run(program, capture_output=True, text=True, check=False)
            assert made.returncode == 0, (words, made.stderr)
            assert made.stdout, words
        version = _run_notebook()
    print(f"Python {sys.version.split()[0]}, ArviZ {version}: all results are read")


def _run_notebook() -> str:
    """Run the notebook's cells; return the version of ArviZ."""
    if importlib.util.find_spec("arviz") is None:
        return "none"
    import arviz
    import matplotlib as mpl

    mpl.use("Agg")
    cells = json.loads((NOTEBOOKS / "load_results.ipynb").read_text("utf-8"))["cells"]
    names: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    return str(arviz.__version__)


if __name__ == "__main__":
    main()
