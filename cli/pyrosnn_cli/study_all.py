"""`pyrosnn study all`: every study, one after the other, into a folder."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge

from pyrosnn.errors import ArgumentError, FileError, require
from pyrosnn.settings import Default, OneOf, Settings, options_of
from pyrosnn.storage import lock
from pyrosnn_cli.command import Part, make_command
from pyrosnn_cli.computing import check_computing, set_threads
from pyrosnn_cli.options import PRESETS, Running, SubjectOptions
from pyrosnn_cli.run import (
    check_places,
    figure_of,
    open_subject,
    run_opened,
    settings_of,
    training_command,
)
from pyrosnn_studies import STUDIES


@dataclass(frozen=True, kw_only=True)
class AllOutput(Settings):
    """Settings that all studies share.

    Attributes:
        preset: settings to start from (quick suits digits, paper follows the paper).
        output: folder for the results.
        seed: root seed of all random numbers.
    """

    panel: ClassVar[str] = "run"

    preset: Annotated[str, OneOf(PRESETS)] = "quick"
    output: Path = Path("results")
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class AllRun(Running, AllOutput):
    """The runs of all studies."""


@dataclass(frozen=True, kw_only=True)
class AllSubjects(SubjectOptions):
    """The models of all studies.

    Attributes:
        smoothed_model: model for the study conditions, which was trained with noise.
        smoothing_variance: variance of the noise in that study, in squared pixel units.
    """

    smoothed_model: Annotated[Path | None, Default("")] = None
    smoothing_variance: Annotated[float | None, Ge(0), Default("that of its training")] = None


def all_command() -> Any:
    """Return the command."""
    return make_command(
        "all",
        "Run every study, one after the other, into a folder.",
        [
            Part(
                name="subjects",
                options=options_of("pyrosnn_cli.study_all:AllSubjects"),
                make=AllSubjects,
            ),
            Part(name="running", options=options_of("pyrosnn_cli.study_all:AllRun"), make=AllRun),
        ],
        run_all,
    )


def run_all(subjects: AllSubjects, running: AllRun) -> None:
    """Run all studies; refuse what can be refused before the first."""
    output = running.output
    paths = {name: output / f"{name}.nc" for name in STUDIES}
    require(output.is_dir() or not output.exists(), f"--output names a folder, {output} is a file")
    if output.exists():
        for path in paths.values():
            check_places(path, running)
    _require_models(subjects)
    check_computing(running)
    set_threads(running)
    changes: dict[str, dict[str, Any]] = {name: {"seed": running.seed} for name in STUDIES}
    for name, entry in STUDIES.items():
        if entry.needs == "smoothed" and subjects.smoothing_variance is not None:
            changes[name]["smoothing_variance"] = subjects.smoothing_variance
    opened = {
        "model": open_subject(subjects),
        "smoothed": open_subject(replace(subjects, model=subjects.smoothed_model)),
        "nothing": None,
    }
    for name, entry in STUDIES.items():  # refused here, not after hours
        settings_of(name, opened[entry.needs], preset=running.preset, changes=changes[name])
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"cannot make the folder {output} ({error.strerror}); name another"
        ) from error
    for name, path in paths.items():
        with lock(path, figure_of(path)):
            check_places(path, running)
            run_opened(
                name,
                opened[STUDIES[name].needs],
                preset=running.preset,
                output=path,
                running=running,
                changes=changes[name],
            )


def _require_models(subjects: AllSubjects) -> None:
    """Refuse a model that is not given, with the command that makes one."""
    commands, options = [], []
    for needs, option, model in (
        ("model", "--model", subjects.model),
        ("smoothed", "--smoothed-model", subjects.smoothed_model),
    ):
        if model is None:
            command, path = training_command(needs, subjects.dataset)
            commands.append(f"{command} makes {path}")
            options.append(f"{option} {path}")
    if commands:
        number = "two models" if len(commands) == 2 else f"{options[0].split()[0]}, too"
        raise ArgumentError(
            f"study all needs {number}: {' and '.join(commands)}, then add {' '.join(options)}"
        )
