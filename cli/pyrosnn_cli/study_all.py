"""`pyrosnn study all`: every study, one after the other, into a folder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge

from pyrosnn.data import DATASETS
from pyrosnn.errors import ArgumentError, require
from pyrosnn.settings import Default
from pyrosnn.storage import make_folder
from pyrosnn_cli.command import make_command, part_of
from pyrosnn_cli.options import Running, Starting, SubjectOptions
from pyrosnn_cli.run import Chosen, keeping, prepared, run_study, settings_of, subject_of
from pyrosnn_studies import STUDIES
from pyrosnn_studies.advice import training_command

if TYPE_CHECKING:
    from pyrosnn_cli.run import Chosen
    from pyrosnn_studies.subject import Subject


@dataclass(frozen=True, kw_only=True)
class AllOutput(Starting):
    """Settings that all studies share.

    Attributes:
        output: folder for the results.
        seed: root seed of all random numbers.
    """

    output: Path = Path("results")
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class AllRun(Running, AllOutput):
    """The runs of all studies."""


@dataclass(frozen=True, kw_only=True)
class AllSubjects(SubjectOptions):
    """The models of all studies.

    Attributes:
        smoothed_model: model for the studies conditions and certificates, trained with noise.
        smoothing_variance: variance of the noise in those studies, in squared pixel units.
    """

    smoothed_model: Annotated[Path | None, Default("")] = None
    smoothing_variance: Annotated[float | None, Ge(0), Default("that of its training")] = None


def all_command() -> Any:
    """Return the command."""
    parts = [part_of("subjects", AllSubjects), part_of("running", AllRun)]
    return make_command("all", "Run every study into a folder, one by one.", parts, run_all)


def run_all(subjects: AllSubjects, running: AllRun) -> None:
    """Run all studies; refuse what can be refused before the first."""
    from pyrosnn_studies.kept import check_places

    folder = running.output
    require(folder.is_dir() or not folder.exists(), f"--output names a folder, {folder} is a file")
    paths = {name: folder / f"{name}.nc" for name in STUDIES}
    _require_models(subjects)
    options = {
        "model": subjects,
        "smoothed": replace(subjects, model=subjects.smoothed_model),
        "nothing": None,
    }
    changes: dict[str, dict[str, Any]] = {name: {"seed": running.seed} for name in STUDIES}
    for name, entry in STUDIES.items():
        if entry.needs == "smoothed" and subjects.smoothing_variance is not None:
            changes[name]["smoothing_variance"] = subjects.smoothing_variance
    opened = {needs: None if one is None else subject_of(one) for needs, one in options.items()}
    for subject in opened.values():
        _require_strengths(subject)
    chosen = {
        name: settings_of(name, opened[entry.needs], preset=running.preset, changes=changes[name])
        for name, entry in STUDIES.items()
    }
    for path in paths.values() if folder.exists() else ():
        check_places(path, keeping(running))
    make_folder(folder)
    for name, path in paths.items():
        study, spec = chosen[name]
        with prepared(name, path, None, running, _always((study, spec))):
            run_study(study, spec, opened[STUDIES[name].needs], output=path, running=running)


def _always(chosen: Chosen) -> Callable[["Subject | None"], Chosen]:
    return lambda subject: chosen


def _require_strengths(subject: "Subject | None") -> None:
    """Refuse data of one's own: each study would need other strengths."""
    from pyrosnn_studies.presets import has_strengths

    if subject is not None and not has_strengths(subject.dataset.name):
        raise ArgumentError(
            f"study all has default strengths for {', '.join(DATASETS)}, none for "
            f"{subject.dataset.name}; run the studies one by one, with --strength"
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
