"""`pyrosnn study`: run an experiment, show its tables, keep its netCDF file and figure."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyrosnn.data import DATASETS
from pyrosnn.errors import ArgumentError, DataError, unknown_name
from pyrosnn.files import check_writable
from pyrosnn_cli.options import (
    DataRoot,
    Device,
    NamedGroup,
    Overwrite,
    Seed,
    open_device,
    parse_integers,
    parse_numbers,
)
from pyrosnn_studies import STUDIES

if TYPE_CHECKING:
    import torch

    from pyrosnn.data.dataset import Dataset
    from pyrosnn.training import Checkpoint


class _Studies(NamedGroup):
    kind = "study"


app = typer.Typer(cls=_Studies, no_args_is_help=True, help="Run an experiment and keep its result.")

DEFAULT_DATASET = "digits"


@app.command("list")
def list_studies() -> None:
    """List the studies."""
    width = max(len(name) for name in STUDIES)
    for name, entry in STUDIES.items():
        typer.echo(f"{name:<{width}}  {entry.shows}")


@app.command("sample-size")
def sample_size(
    model: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint to study; without one, a default BNN on digits is trained and kept.",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Data set; must be the checkpoint's.", show_default="the checkpoint's"),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(help="First so many test images.", show_default="1000, or all there are"),
    ] = None,
    attack_samples: Annotated[
        str, typer.Option(help="Sizes S_A of the attack set.")
    ] = "1,5,10,100",
    inference_samples: Annotated[int, typer.Option(help="Size S_I of the inference set.")] = 100,
    strengths: Annotated[
        str | None,
        typer.Option(
            help="Strengths, as 0,0.5,1 or 0:1:0.5.",
            show_default="fashion-mnist: the paper's; digits: 0:1.2:0.2 (l2)",
        ),
    ] = None,
    norm: Annotated[str, typer.Option(help="Norm of the attack: l2, linf.")] = "l2",
    loss: Annotated[
        str | None,
        typer.Option(
            help="What the attack maximises: cross-entropy, margin.",
            show_default="cross-entropy; margin if f is a logit",
        ),
    ] = None,
    gradient: Annotated[
        str,
        typer.Option(help="What it averages: mean_prediction, mean_loss, mean_logits."),
    ] = "mean_prediction",
    clip: Annotated[
        bool, typer.Option("--clip", help="Clip attacked images to the data's bounds.")
    ] = False,
    repeats: Annotated[int, typer.Option(help="Repetitions with fresh sample sets.")] = 5,
    block_size: Annotated[
        int, typer.Option(help="Images that share a draw of the sample sets.")
    ] = 50,
    chunk_size: Annotated[
        int | None,
        typer.Option(help="Samples evaluated at once.", show_default="by memory"),
    ] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    data_root: DataRoot = None,
    output: Annotated[
        Path, typer.Option(help="Result to write; the figure goes beside it as .png.")
    ] = Path("sample-size.nc"),
    overwrite: Overwrite = False,
) -> None:
    """Adversarial accuracy and cosine against the number of attack samples.

    Figures 4 and 5 of the paper. Ends with tables, a netCDF file and a figure.
    """
    sizes = parse_integers(attack_samples, "--attack-samples")
    grid = None if strengths is None else parse_numbers(strengths, "--strengths")
    if output.suffix == ".png":
        raise ArgumentError(f"--output names the netCDF file, got {output}; use a name like a.nc")
    check_writable(output, overwrite=overwrite)
    figure_path = output.with_suffix(".png")
    check_writable(figure_path, overwrite=overwrite)

    from pyrosnn.data import load_dataset
    from pyrosnn.results import save_results
    from pyrosnn.training import load_checkpoint
    from pyrosnn_cli.progress import progress_bar
    from pyrosnn_cli.show import show_tables, write_figure
    from pyrosnn_studies.defaults import IMAGES, LOSS, default_strengths
    from pyrosnn_studies.sample_size import STUDY, SampleSizeSpec, run_sample_size

    target = open_device(device)
    if dataset is not None and dataset not in DATASETS:
        raise unknown_name("data set", dataset, DATASETS)
    checkpoint = None if model is None else load_checkpoint(model, target)
    if checkpoint is not None:
        checkpoint.require_name(dataset or checkpoint.dataset)
    elif dataset not in (None, DEFAULT_DATASET):
        raise ArgumentError(
            f"there is no default model for {dataset}; train one (pyrosnn train bnn "
            f"--dataset {dataset} --preset paper) and name it with --model"
        )
    data = load_dataset(DEFAULT_DATASET if checkpoint is None else checkpoint.dataset, data_root)
    default_loss = LOSS["probs" if checkpoint is None else checkpoint.classifier.output]
    spec = SampleSizeSpec(
        images=min(IMAGES, len(data.x_test)) if images is None else images,
        attack_samples=sizes,
        inference_samples=inference_samples,
        strengths=default_strengths(data.name, norm) if grid is None else grid,
        norm=norm,
        loss=default_loss if loss is None else loss,
        gradient=gradient,
        clip=clip,
        repeats=repeats,
        seed=seed,
        block_size=block_size,
        chunk_size=chunk_size,
    )
    data.test_images(spec.images)  # refused before a default model is trained
    if checkpoint is None:
        checkpoint = _default_model(data, output.parent, target)
    checkpoint.require_dataset(data)
    with progress_bar("study sample-size", spec.num_blocks) as advance:
        result = run_sample_size(
            spec, checkpoint.classifier, data, training=checkpoint.spec, progress=advance
        )
    save_results(output, result, overwrite=overwrite)
    write_figure(figure_path, STUDY.figure(result), overwrite=overwrite)
    show_tables(STUDY.tables(result))
    typer.echo(f"wrote {output} and {figure_path}")


def _default_model(data: "Dataset", folder: Path, device: "torch.device") -> "Checkpoint":
    """Train the default model and keep it in ``folder``, or load the one that is kept there."""
    from pyrosnn.training import load_checkpoint, preset
    from pyrosnn_cli.training import train_and_save

    path = folder / f"bnn-{data.name}.safetensors"
    spec = preset("bnn")
    if not path.exists():
        train_and_save(spec, data, path, device=device, test_samples=100, overwrite=False)
    checkpoint = load_checkpoint(path, device)
    if checkpoint.spec != spec:
        raise DataError(
            f"{path} holds another model than the default one; name it with --model {path}, "
            "or move it away"
        )
    return checkpoint
