"""`pyrosnn study gaussian-angles`."""

from pathlib import Path
from typing import Annotated

import typer

from pyrosnn_cli.groups import takes
from pyrosnn_cli.options import Preset, Running, Seed
from pyrosnn_cli.run import run_study


@takes(running=Running)
def gaussian_angles(
    preset: Preset = "quick",
    dimension: Annotated[
        int | None, typer.Option(help="Length of the vectors.", show_default="preset's")
    ] = None,
    pairs: Annotated[
        int | None, typer.Option(help="Pairs of vectors.", show_default="preset's")
    ] = None,
    largest: Annotated[
        float | None, typer.Option(help="Largest t.", show_default="preset's")
    ] = None,
    step: Annotated[float | None, typer.Option(help="Step of t.", show_default="preset's")] = None,
    seed: Seed = 0,
    output: Annotated[
        Path, typer.Option(help="Result to write; the figure goes beside it as .png.")
    ] = Path("gaussian-angles.nc"),
    *,
    running: Running,
) -> None:
    """Expected angle of two Gaussian vectors with one mean, beside its closed form.

    Figure 2 of the paper: means and variances uniform on [0, t]. It needs no model.
    """
    run_study(
        "gaussian-angles",
        preset=preset,
        output=output,
        running=running,
        changes={
            "dimension": dimension,
            "pairs": pairs,
            "largest": largest,
            "step": step,
            "seed": seed,
        },
    )
