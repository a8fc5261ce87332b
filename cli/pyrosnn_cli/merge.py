"""`pyrosnn merge FILES -o FILE`: results of one study, made in parts, as one."""

from pathlib import Path
from typing import Annotated

import typer

from pyrosnn.storage import check_writable, lock
from pyrosnn_cli.options import Overwrite


def merge(
    files: Annotated[list[Path], typer.Argument(help="Results (*.nc) that are parts of one.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="netCDF file to write.")],
    overwrite: Overwrite = None,
) -> None:
    """Join results of the same study and model over repeats, images, strengths and sizes.

    The files may overlap if their values agree there. Together they must fill
    the whole grid. A difference in model, data set or settings is an error that
    names it.
    """
    from pyrosnn.results import merge_results, open_results, save_results

    merged = merge_results([open_results(file) for file in files], [str(file) for file in files])
    check_writable(output, overwrite=bool(overwrite))
    with lock(output):
        save_results(output, merged, overwrite=bool(overwrite))
    sizes = {dim: size for node in merged.children.values() for dim, size in node.sizes.items()}
    held = ", ".join(f"{dim} {size:,}" for dim, size in sizes.items())
    typer.echo(f"wrote {output}: {held}")
