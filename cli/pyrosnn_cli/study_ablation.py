"""`pyrosnn study ablation`."""

from pathlib import Path
from typing import Annotated

import typer

from pyrosnn_cli.groups import takes
from pyrosnn_cli.options import (
    Images,
    Preset,
    Repeats,
    Running,
    Seed,
    Subject,
)
from pyrosnn_cli.run import run_study


@takes(subject=Subject, running=Running)
def ablation(
    subject: Subject,
    preset: Preset = "quick",
    images: Images = None,
    strength: Annotated[
        float | None, typer.Option(help="Strength.", show_default="the data set's")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(help="Images that a floored loss is a mean over.", show_default="preset's"),
    ] = None,
    repeats: Repeats = None,
    seed: Seed = 0,
    output: Annotated[
        Path, typer.Option(help="Result to write; the figure goes beside it as .png.")
    ] = Path("ablation.nc"),
    *,
    running: Running,
) -> None:
    """Readings of what the paper leaves open, side by side.

    FGM on the true labels; on those that the attack's samples predict, as CleverHans does when
    it is given none; and, of the latter, with the image that is judged or with δ clipped to the
    data's bounds, with CleverHans' floor on the gradient's norm, and with pre-activations
    instead of weights as samples.
    """
    run_study(
        "ablation",
        preset=preset,
        output=output,
        subject=subject,
        running=running,
        changes={
            "images": images,
            "strength": strength,
            "batch": batch,
            "repeats": repeats,
            "seed": seed,
        },
    )
