"""Showing what a study returns: tables on the screen, figures as files."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from pyrosnn.files import atomic_path
from pyrosnn_studies.study import Table


def show_tables(tables: Sequence[Table]) -> None:
    """Print tables on stdout, right-aligned, as wide as they need."""
    console = Console()
    for table in tables:
        drawn = RichTable(title=table.title, title_justify="left", box=SIMPLE_HEAD)
        for name in table.header:
            drawn.add_column(name, justify="right", no_wrap=True)
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)


def write_figure(path: Path, figure: Figure, *, overwrite: bool) -> None:
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path, overwrite=overwrite) as temporary:
        figure.savefig(temporary, format="png")
