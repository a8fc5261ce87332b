"""`pyrosnn study prediction-variance`."""

from pathlib import Path
from typing import Annotated

import typer

from pyrosnn_cli.groups import takes
from pyrosnn_cli.options import (
    BlockSize,
    FirstImage,
    Images,
    Preset,
    Running,
    Seed,
    Subject,
)
from pyrosnn_cli.run import run_study


@takes(subject=Subject, running=Running)
def prediction_variance(
    subject: Subject,
    preset: Preset = "quick",
    images: Images = None,
    num_samples: Annotated[
        int | None, typer.Option(help="Single samples.", show_default="preset's")
    ] = None,
    block_size: BlockSize = None,
    first_image: FirstImage = None,
    seed: Seed = 0,
    output: Annotated[
        Path, typer.Option(help="Result to write; the figure goes beside it as .png.")
    ] = Path("prediction-variance.nc"),
    *,
    running: Running,
) -> None:
    """Spread of single predictions, and length and spread of their gradients.

    Table 1 of the paper. Samples are streamed: no more than a few are in memory.
    """
    run_study(
        "prediction-variance",
        preset=preset,
        output=output,
        subject=subject,
        running=running,
        changes={
            "images": images,
            "num_samples": num_samples,
            "block_size": block_size,
            "first_image": first_image,
            "seed": seed,
        },
    )
