"""`pyrosnn report FILE`: one HTML page of a result."""

from pathlib import Path
from typing import Annotated

import typer

from pyrosnn.errors import require
from pyrosnn.storage import check_writable, lock, write_whole
from pyrosnn_cli.options import Overwrite


def report(
    file: Annotated[Path, typer.Argument(help="A result (*.nc) that a study wrote.")],
    output: Annotated[
        Path | None,
        typer.Option(help="HTML file to write.", show_default="FILE with .html"),
    ] = None,
    overwrite: Overwrite = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Data set whose images are shown.", show_default="the result's"),
    ] = None,
    data_root: Annotated[
        Path | None,
        typer.Option(help="Folder of the data files.", show_default="$PYROSNN_DATA"),
    ] = None,
) -> None:
    """Write a result as one HTML page that needs no other file and no network.

    The page has the verdict, tables and figures, reasons, checks, images that
    withstood and that fell, settings, versions and digests, and the command that
    repeats the study.
    """
    path = output or file.with_suffix(".html")
    require(path.suffix.lower() == ".html", f"--output must end in .html, got {path}")

    from pyrosnn.results import open_results
    from pyrosnn_cli.show import whole
    from pyrosnn_studies.report import make_report

    result = open_results(file)
    check_writable(path, overwrite=bool(overwrite))
    with whole(file):
        page = make_report(result, file, dataset=dataset, data_root=data_root)
    with lock(path):
        write_whole(path, page.encode(), overwrite=bool(overwrite))
    typer.echo(f"wrote {path}")
