"""`pyrosnn train MODEL`: train a stochastic classifier and keep it as a checkpoint."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyrosnn.errors import FileError, require
from pyrosnn.models import MODELS
from pyrosnn.networks import NETWORKS
from pyrosnn.storage import check_writable, lock
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

if TYPE_CHECKING:
    from pyrosnn.data.dataset import Dataset
    from pyrosnn.training import TrainingSpec


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
        float | None, typer.Option(help="The optimizer's step size.", show_default="preset's")
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
    network: Annotated[
        str | None,
        typer.Option(help=f"Network: {', '.join(NETWORKS)}.", show_default="the model's"),
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
    prior_precision: Annotated[
        float | None,
        typer.Option(help="laplace: of the last layer's prior.", show_default="1.0"),
    ] = None,
    average: Annotated[
        str | None,
        typer.Option(help="sin: average the copies' logits or their loss.", show_default="logits"),
    ] = None,
    shared_noise: Annotated[
        bool,
        typer.Option("--shared-noise", help="sin, resnet: share the noise among images."),
    ] = False,
    depth: Annotated[
        int | None, typer.Option(help="resnet: convolutions, 6 n + 4.", show_default="28")
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="resnet: factor of the channels.", show_default="10")
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(help="resnet: share of dropped units.", show_default="0.3")
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="Optimizer: adam, sgd.", show_default="preset's")
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Weight decay.", show_default="preset's")
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            help="Learning rate over the epochs: constant, steps, one-cycle.",
            show_default="preset's",
        ),
    ] = None,
    augmentation: Annotated[
        str | None,
        typer.Option(
            help="Changes of the training images: none, flip, crop-flip.", show_default="preset's"
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="Mixed precision of the training: full, bf16.", show_default="full"),
    ] = None,
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
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that was interrupted.")
    ] = False,
    *,
    showing: Showing,
) -> None:
    """Train a stochastic classifier and write a checkpoint.

    The state of the training is kept beside the checkpoint-to-be: after every epoch, or after
    as many as it costs less than 5 % of the time. The same command with --resume goes on from
    there, to the same weights.

    Example: pyrosnn train bnn --dataset fashion-mnist --preset paper
    """
    from pyrosnn.training import preset as make_spec

    require(test_samples >= 1, f"--test-samples must be >= 1, got {test_samples}")
    options = {
        "network": network,
        "hidden": None if hidden is None else parse_integers(hidden, "--hidden"),
        "activation": activation,
        "initial_row_scale": initial_row_scale,
        "initial_column_scale": initial_column_scale,
        "noise_variance": noise_variance,
        "prior_precision": prior_precision,
        "average": average,
        "per_example": False if shared_noise else None,
        "depth": depth,
        "width": width,
        "dropout": dropout,
    }
    changes: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "num_particles": num_particles,
        "kl_weight": kl_weight,
        "smoothing_variance": smoothing_variance,
        "optimizer": optimizer,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "augmentation": augmentation,
        "precision": precision,
    }
    spec = make_spec(
        model,
        preset,
        options={name: value for name, value in options.items() if value is not None},
        seed=seed,
        **{name: value for name, value in changes.items() if value is not None},
    )
    path = output or Path(f"{model}-{dataset}.safetensors")

    from pyrosnn.data import load_dataset
    from pyrosnn.training import state_path
    from pyrosnn_cli.training import train_and_save

    with lock(path, state_path(path)):
        going_on = _check_places(path, resume=resume, overwrite=overwrite)
        target = open_device(device)
        data = load_dataset(dataset, data_root)
        if resume and path.exists() and not going_on:
            _require_trained(path, spec, data)
            typer.echo(f"{path} is trained already")
            return
        train_and_save(
            spec,
            data,
            path,
            device=target,
            test_samples=test_samples,
            overwrite=overwrite,
            showing=showing,
        )


def _check_places(path: Path, *, resume: bool, overwrite: bool) -> bool:
    """Refuse an output that may not be written; return whether there is a state to go on with."""
    from pyrosnn.training import state_path

    require(not (resume and overwrite), "--resume goes on, --overwrite begins anew: give one")
    state = state_path(path)
    if state.exists() and not resume and not overwrite:
        raise FileError(
            f"{state} holds a training that was interrupted; add --resume to go on with it, or "
            "--overwrite to train anew"
        )
    check_writable(path, overwrite=overwrite or resume)
    return state.exists() and resume


def _require_trained(path: Path, spec: "TrainingSpec", data: "Dataset") -> None:
    """Refuse a checkpoint that these settings and data did not make."""
    from pyrosnn.training import load_checkpoint

    checkpoint = load_checkpoint(path)
    checkpoint.require_dataset(data)
    if checkpoint.spec != spec:
        raise FileError(
            f"{path} is a checkpoint of other settings, and no training to go on with is beside "
            "it; name another --output, or train anew (--overwrite)"
        )
