"""`pyrosnn study prediction-variance`."""

from pathlib import Path
from typing import Annotated

import typer

from pyrosnn_cli.groups import takes
from pyrosnn_cli.options import (
    BlockSize,
    DataRoot,
    Device,
    FirstImage,
    Images,
    MemoryBudget,
    ModelPath,
    OfModel,
    Preset,
    Running,
    Seed,
)
from pyrosnn_cli.run import run_study


@takes(running=Running)
def prediction_variance(
    model: ModelPath = None,
    dataset: OfModel = None,
    preset: Preset = "quick",
    images: Images = None,
    num_samples: Annotated[
        int | None, typer.Option(help="Single samples.", show_default="preset's")
    ] = None,
    block_size: BlockSize = None,
    first_image: FirstImage = None,
    seed: Seed = 0,
    device: Device = "cpu",
    memory_budget: MemoryBudget = "1GiB",
    data_root: DataRoot = None,
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
        model=model,
        dataset=dataset,
        data_root=data_root,
        device=device,
        running=running,
        memory_budget=memory_budget,
        changes={
            "images": images,
            "num_samples": num_samples,
            "block_size": block_size,
            "first_image": first_image,
            "seed": seed,
        },
    )
