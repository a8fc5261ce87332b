"""`pyrosnn train MODEL`: train a stochastic classifier and keep it as a checkpoint."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pyrosnn.errors import require
from pyrosnn.files import check_writable
from pyrosnn.models import MODELS
from pyrosnn_cli.groups import takes
from pyrosnn_cli.options import (
    DataRoot,
    DatasetName,
    Device,
    Overwrite,
    Seed,
    Showing,
    open_device,
    parse_integers,
)


@takes(showing=Showing)
def train(
    model: Annotated[str, typer.Argument(help=f"Model: {', '.join(MODELS)}.")],
    dataset: DatasetName = "digits",
    preset: Annotated[
        str,
        typer.Option(help="Settings to start from: quick (digits), paper (the paper's)."),
    ] = "quick",
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training images.", show_default="preset's")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images in a step.", show_default="preset's")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Adam's step size.", show_default="preset's")
    ] = None,
    num_particles: Annotated[
        int | None, typer.Option(help="Samples in the objective.", show_default="preset's")
    ] = None,
    kl_weight: Annotated[
        float | None, typer.Option(help="Weight of KL / N.", show_default="preset's")
    ] = None,
    smoothing_variance: Annotated[
        float | None,
        typer.Option(
            help="Train on two noisy copies of each image, Gaussian of this variance.",
            show_default="0, no noise",
        ),
    ] = None,
    hidden: Annotated[
        str | None,
        typer.Option(help="Widths of the hidden layers.", show_default="128,128"),
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="Between layers: relu, tanh.", show_default="relu")
    ] = None,
    initial_row_scale: Annotated[
        float | None, typer.Option(help="bnn, im: first scale of rows.", show_default="0.05")
    ] = None,
    initial_column_scale: Annotated[
        float | None, typer.Option(help="bnn, im: first scale of columns.", show_default="1.0")
    ] = None,
    noise_variance: Annotated[
        float | None, typer.Option(help="sin: variance of the input noise.", show_default="0.1")
    ] = None,
    average: Annotated[
        str | None,
        typer.Option(help="sin: average the copies' logits or their loss.", show_default="logits"),
    ] = None,
    shared_noise: Annotated[
        bool,
        typer.Option("--shared-noise", help="sin: share the noise among images, not one each."),
    ] = False,
    test_samples: Annotated[
        int, typer.Option(help="Samples averaged for the test accuracy.")
    ] = 100,
    seed: Seed = 0,
    device: Device = "cpu",
    data_root: DataRoot = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Checkpoint to write.", show_default="MODEL-DATASET.safetensors"),
    ] = None,
    overwrite: Overwrite = False,
    *,
    showing: Showing,
) -> None:
    """Train a stochastic classifier and write a checkpoint.

    Example: pyrosnn train bnn --dataset fashion-mnist --preset paper
    """
    from pyrosnn.data import load_dataset
    from pyrosnn.training import preset as make_spec
    from pyrosnn_cli.training import train_and_save

    require(test_samples >= 1, f"--test-samples must be >= 1, got {test_samples}")
    options = {
        "hidden": None if hidden is None else parse_integers(hidden, "--hidden"),
        "activation": activation,
        "initial_row_scale": initial_row_scale,
        "initial_column_scale": initial_column_scale,
        "noise_variance": noise_variance,
        "average": average,
        "per_example": False if shared_noise else None,
    }
    changes: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "num_particles": num_particles,
        "kl_weight": kl_weight,
        "smoothing_variance": smoothing_variance,
    }
    spec = make_spec(
        model,
        preset,
        options={name: value for name, value in options.items() if value is not None},
        seed=seed,
        **{name: value for name, value in changes.items() if value is not None},
    )
    path = output or Path(f"{model}-{dataset}.safetensors")
    check_writable(path, overwrite=overwrite)
    target = open_device(device)
    data = load_dataset(dataset, data_root)
    train_and_save(
        spec,
        data,
        path,
        device=target,
        test_samples=test_samples,
        overwrite=overwrite,
        showing=showing,
    )
