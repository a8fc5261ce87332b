"""`pyrosnn study`: run an experiment, show its tables, keep its netCDF file and figure."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pyrosnn.claim import claim
from pyrosnn.errors import ArgumentError, FileError, require
from pyrosnn_cli import diagnose, study_ablation, study_angles, study_grid, study_variance
from pyrosnn_cli.computing import check_computing, set_threads
from pyrosnn_cli.groups import takes
from pyrosnn_cli.options import (
    NamedGroup,
    Preset,
    Running,
    Seed,
    Subject,
)
from pyrosnn_cli.run import (
    check_places,
    figure_of,
    open_subject,
    run_opened,
    settings_of,
    training_command,
)
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
@takes(subject=Subject, running=Running)
def all_studies(
    subject: Subject,
    preset: Preset = "quick",
    smoothed_model: Annotated[
        Path | None,
        typer.Option(
            help="Model that is averaged over noise, for conditions: one trained with noise.",
            show_default=False,
        ),
    ] = None,
    smoothing_variance: Annotated[
        float | None,
        typer.Option(
            help="Variance of that noise, in squared pixel units.",
            show_default="that of the model's training",
        ),
    ] = None,
    seed: Seed = 0,
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
    _require_models(subject, smoothed_model)

    from pyrosnn_studies.study import find_study

    check_computing(running)
    set_threads(running)
    needs = {name: find_study(name).needs for name in STUDIES}
    changes = {
        name: {
            "seed": seed,
            **({"smoothing_variance": smoothing_variance} if what == "smoothed" else {}),
        }
        for name, what in needs.items()
    }
    opened = {
        "model": open_subject(subject),
        "smoothed": open_subject(replace(subject, model=smoothed_model)),
        "nothing": None,
    }
    for name, what in needs.items():  # refused here, not after hours
        settings_of(name, opened[what], preset=preset, changes=changes[name])
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"cannot make the folder {output} ({error.strerror}); name another"
        ) from error
    for name, path in paths.items():
        with claim(path, figure_of(path)):
            check_places(path, running)
            run_opened(
                name,
                opened[needs[name]],
                preset=preset,
                output=path,
                running=running,
                changes=changes[name],
            )


def _require_models(subject: Subject, smoothed_model: Path | None) -> None:
    """Refuse a model that is not given, with the command that makes one."""
    commands, options = [], []
    for needs, option, model in (
        ("model", "--model", subject.model),
        ("smoothed", "--smoothed-model", smoothed_model),
    ):
        if model is None:
            command, path = training_command(needs, subject.dataset)
            commands.append(f"{command} makes {path}")
            options.append(f"{option} {path}")
    if commands:
        number = "two models" if len(commands) == 2 else f"{options[0].split()[0]}, too"
        raise ArgumentError(
            f"study all needs {number}: {' and '.join(commands)}, then add {' '.join(options)}"
        )


app.command("sample-size")(study_grid.sample_size)
app.command("inference-size")(study_grid.inference_size)
app.command("conditions")(study_grid.conditions)
app.command("prediction-variance")(study_variance.prediction_variance)
app.command("diagnosis")(diagnose.diagnose)
app.command("ablation")(study_ablation.ablation)
app.command("gaussian-angles")(study_angles.gaussian_angles)
