"""The page: tables written between its markers, from the results beside it."""

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.errors import FileError
from pyrosnn.plots.drawing import draw_png
from pyrosnn.results import open_results
from pyrosnn.storage import atomic_path
from reproduction.cells import Table
from reproduction.claims import Results
from reproduction.defence_figure import defence_figure
from reproduction.tables import TABLES

# Of figures that no study draws, by their files; those of a study are its own.
FIGURES: dict[str, Callable[[Results], Figure]] = {"defences.png": defence_figure}
MARKED = re.compile(
    r"(?P<begin><!-- table: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)


def open_folder(folder: Path) -> dict[str, xr.DataTree]:
    """Return the results of a folder by file name without ``.nc``.

    Raises:
        FileError: if there are none.
    """
    results = {path.stem: open_results(path) for path in sorted(folder.glob("*.nc"))}
    if not results:
        raise FileError(f"{folder} holds no results (*.nc); run make reproduction")
    return results


def open_page(folder: Path) -> dict[str, xr.DataTree]:
    """Return the results of a page's folder, and of other trainings below it, if it has some."""
    trainings = folder / "trainings"
    return {**open_folder(folder), **(open_folder(trainings) if trainings.is_dir() else {})}


def write_page(folder: Path) -> None:
    """Fill the tables of ``index.md`` in a folder from the results beside it, and draw figures."""
    page = folder / "index.md"
    if not page.exists():
        raise FileError(f"there is no page {page} whose tables could be filled")
    results = open_page(folder)
    text = filled(page.read_text("utf-8"), results)
    with atomic_path(page, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
    for name, make in FIGURES.items():
        if f"({name})" in text:
            with atomic_path(folder / name, overwrite=True) as temporary:
                temporary.write_bytes(draw_png(partial(make, results)))


def filled(text: str, results: Results) -> str:
    """Return a page with the tables between its markers written again."""

    def table(name: str) -> Table:
        if name not in TABLES:
            raise FileError(f"there is no table {name!r}; expected one of {', '.join(TABLES)}")
        try:
            return TABLES[name](results)
        except KeyError as error:
            raise FileError(
                f"table {name} needs {error}, which is not there; run make reproduction, or make "
                f"reproduction-defences"
            ) from error

    return with_tables(text, table)


def with_tables(text: str, table: Callable[[str], Table]) -> str:
    """Return a page with tables between its markers.

    Args:
        text: the page.
        table: makes a table by the name in its marker.
    """

    def written(match: re.Match[str]) -> str:
        header, rows = table(match["name"])
        lines = [header, ["---"] * len(header), *rows]
        body = "".join("| " + " | ".join(cells) + " |\n" for cells in lines)
        return match["begin"] + body + match["end"]

    return MARKED.sub(written, text)


def table_names(text: str) -> Iterable[str]:
    """Return the names of the tables that a page asks for."""
    return (match["name"] for match in MARKED.finditer(text))
