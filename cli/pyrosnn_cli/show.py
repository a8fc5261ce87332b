"""Showing what a study returns: tables on the screen, figures as files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from pyrosnn.errors import FileError
from pyrosnn.files import atomic_path
from pyrosnn_studies.tables import Table

# Tables are narrow, but a table cut off at 80 columns in a log file would be useless.
MIN_WIDTH = 120


@contextmanager
def whole(file: Path) -> Iterator[None]:
    """Say which setting or variable a result lacks that its study would have written.

    Args:
        file: where the result came from.

    Raises:
        FileError: in the place of a KeyError.
    """
    try:
        yield
    except KeyError as error:
        raise FileError(
            f"{file} has no {error}, which its study writes; it was changed, or made by another "
            "program: run the study again"
        ) from error


def show_tables(tables: Sequence[Table]) -> None:
    """Print tables on stdout, right-aligned, as wide as they need."""
    console = Console()
    console.width = max(console.width, MIN_WIDTH)
    for table in tables:
        drawn = RichTable(box=SIMPLE_HEAD)
        for name in table.header:
            drawn.add_column(name, justify="right", no_wrap=True)
        for row in table.rows:
            drawn.add_row(*row)
        console.print(table.title)
        console.print(drawn)


def write_figure(path: Path, figure: Figure, *, overwrite: bool) -> None:
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path, overwrite=overwrite) as temporary:
        figure.savefig(temporary, format="png")


def smoothing(settings: Mapping[str, Any]) -> str:
    """Return which noise a model was averaged over, as the end of a line; empty for none."""
    variance = settings.get("smoothing_variance")
    return f", averaged over noise of variance {variance:g}" if variance else ""
