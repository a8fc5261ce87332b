"""Draw the figures of the gallery: `python docs/gallery.py` runs the commands of its page."""

import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

HERE = Path(__file__).parent
PAGE = HERE / "gallery.md"
FIGURES = HERE / "images" / "gallery"
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
WIDTH = 1000  # pixels, as wide as a page on a fine screen
COLOURS = 128  # which a figure of lines does not notice


def commands(page: str) -> list[list[str]]:
    """Return the commands of a page as words, without the program's name."""
    lines = "".join(SHELL.findall(page)).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines]


def small(path: Path) -> bytes:
    """Return a figure with fewer pixels and colours, as PNG."""
    with Image.open(path) as image:
        flat = image.convert("RGB")
    flat.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    flat.quantize(COLOURS, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


def main() -> None:
    """Run all commands in a new folder, and keep their figures."""
    with TemporaryDirectory() as folder:
        for words in commands(PAGE.read_text("utf-8")):
            print("pyrosnn", *words, flush=True)
            program = [sys.executable, "-m", "pyrosnn", *words]
            done = subprocess.run(program, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"})
            if done.returncode not in (0, 1):  # 1: a check failed, which is no fault of the figure
                raise SystemExit(done.returncode)
        FIGURES.mkdir(parents=True, exist_ok=True)
        for path in sorted(Path(folder).glob("*.png")):
            (FIGURES / path.name).write_bytes(small(path))


if __name__ == "__main__":
    main()
