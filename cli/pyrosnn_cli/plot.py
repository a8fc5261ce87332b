"""`pyrosnn plot FILE`: the figure of a result."""

from pathlib import Path
from typing import Annotated

import typer

from pyrosnn.storage import check_writable, lock, write_whole
from pyrosnn_cli.options import Overwrite


def plot(
    file: Annotated[Path, typer.Argument(help="A result (*.nc) that a study wrote.")],
    output: Annotated[
        Path | None,
        typer.Option(help="File to write: .png, .pdf or .svg.", show_default="FILE with .png"),
    ] = None,
    overwrite: Overwrite = None,
) -> None:
    """Draw the figure of a result.

    The suffix of the file is the format. PDF and SVG are vectors, whose text can
    be searched and edited.
    """
    from pyrosnn.plots.drawing import draw, figure_suffix

    path = output or file.with_suffix(".png")
    suffix = figure_suffix(path)

    from pyrosnn.results import open_results
    from pyrosnn_cli.show import whole
    from pyrosnn_studies.shown import shown_of

    result = open_results(file)
    study = shown_of(result)
    check_writable(path, overwrite=bool(overwrite))
    with whole(file):
        content = draw(lambda: study.figure(result), suffix)
    with lock(path):
        write_whole(path, content, overwrite=bool(overwrite))
    typer.echo(f"wrote {path}")
