"""`pyrosnn study`: run an experiment, show its tables, keep its netCDF file and figure."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pyrosnn.errors import ArgumentError, FileError, require
from pyrosnn_cli import diagnose, study_ablation, study_angles, study_grid, study_variance
from pyrosnn_cli.groups import takes
from pyrosnn_cli.options import (
    DataRoot,
    Device,
    MemoryBudget,
    ModelPath,
    NamedGroup,
    Preset,
    Running,
    Seed,
)
from pyrosnn_cli.run import check_places, run_study
from pyrosnn_studies import STUDIES


class _Studies(NamedGroup):
    kind = "study"


app = typer.Typer(cls=_Studies, no_args_is_help=True, help="Run an experiment and keep its result.")


@app.command("list")
def list_studies() -> None:
    """List the studies."""
    width = max(len(name) for name in STUDIES)
    for name, entry in STUDIES.items():
        typer.echo(f"{name:<{width}}  {entry.shows}")


@app.command("all")
@takes(running=Running)
def all_studies(
    preset: Preset = "quick",
    model: ModelPath = None,
    smoothed_model: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint trained with noise, for conditions; needed if --model is given.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    memory_budget: MemoryBudget = "1GiB",
    data_root: DataRoot = None,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("results"),
    *,
    running: Running,
) -> None:
    """Run every study, one after the other, into a folder."""
    paths = {name: output / f"{name}.nc" for name in STUDIES}
    require(output.is_dir() or not output.exists(), f"--output names a folder, {output} is a file")
    if output.exists():
        for path in paths.values():  # refused before the first study runs
            check_places(path, running)
    if (model is None) != (smoothed_model is None):
        raise ArgumentError(
            "give --model and --smoothed-model together (train the second with "
            "--smoothing-variance 0.1), or neither, for default models on digits"
        )

    from pyrosnn.training import load_checkpoint
    from pyrosnn_cli.own_model import is_reference
    from pyrosnn_studies.study import find_study

    models: dict[str, Any] = {"model": model, "smoothed": smoothed_model, "nothing": None}
    if model is not None and smoothed_model is not None:  # refused here, not after hours
        if not is_reference(model):
            load_checkpoint(model)
        require(
            load_checkpoint(smoothed_model).spec.smoothing_variance > 0,
            f"{smoothed_model} was trained without noise; train it with --smoothing-variance 0.1",
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"cannot make the folder {output} ({error.strerror}); name another"
        ) from error
    for name, path in paths.items():
        run_study(
            name,
            preset=preset,
            output=path,
            model=models[find_study(name).needs],
            data_root=data_root,
            device=device,
            running=running,
            memory_budget=memory_budget,
            changes={"seed": seed},
        )


app.command("sample-size")(study_grid.sample_size)
app.command("inference-size")(study_grid.inference_size)
app.command("conditions")(study_grid.conditions)
app.command("prediction-variance")(study_variance.prediction_variance)
app.command("diagnosis")(diagnose.diagnose)
app.command("ablation")(study_ablation.ablation)
app.command("gaussian-angles")(study_angles.gaussian_angles)
