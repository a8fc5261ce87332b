"""`pyrosnn plot FILE`: the figure of a result."""

from pathlib import Path
from typing import Annotated

import typer

from pyrosnn.errors import ArgumentError
from pyrosnn.storage import check_writable, lock, write_whole
from pyrosnn_cli.options import Overwrite


def plot(
    file: Annotated[Path, typer.Argument(help="A result (*.nc) that a study wrote.")],
    output: Annotated[
        Path | None,
        typer.Option(help="PNG file to write.", show_default="FILE with .png"),
    ] = None,
    overwrite: Overwrite = None,
) -> None:
    """Draw the figure of a result as PNG."""
    path = output or file.with_suffix(".png")
    if path.suffix.lower() != ".png":
        raise ArgumentError(f"--output must end in .png, got {path}")

    from pyrosnn.plots.style import draw_png
    from pyrosnn.results import open_results
    from pyrosnn_cli.show import whole
    from pyrosnn_studies.shown import shown_of

    result = open_results(file)
    study = shown_of(result)
    check_writable(path, overwrite=bool(overwrite))
    with whole(file):
        content = draw_png(lambda: study.figure(result))
    with lock(path):
        write_whole(path, content, overwrite=bool(overwrite))
    typer.echo(f"wrote {path}")
