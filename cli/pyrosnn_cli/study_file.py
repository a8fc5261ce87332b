"""`pyrosnn study run FILE.toml`: trainings and studies as a file lists them."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from pyrosnn.data import DATASETS
from pyrosnn.errors import ArgumentError, FileError, require, row_of, unknown_name
from pyrosnn.models import MODELS
from pyrosnn.settings import Default, Option, nested, options_of, parse
from pyrosnn_cli.command import Part, make_command
from pyrosnn_cli.options import DataOptions, Running, Showing, SubjectOptions, Writing
from pyrosnn_cli.study import StudyRun, run_study, study_options
from pyrosnn_cli.train import TrainingRun, train, training_options
from pyrosnn_studies import STUDIES

ABOUT = """Run the trainings and studies that a file lists, or run a result's study again.

FILE.toml has a table train.NAME for each training, and study.NAME for each study. The keys are
the options of `pyrosnn train` and `pyrosnn study`, with underscores. A study's `model` is a
training of the file, or a checkpoint. With --resume, outputs that are complete are kept.
"""

# Keys of a table that are no settings of the training or the study itself.
TRAINING_KEYS = ("model", "dataset", "preset", "test_samples")
STUDY_KEYS = ("study", "model", "dataset", "preset", "compact", "threads")
FOLDERS = ("checkpoints", "results")
TABLES = ("train", "study")


@dataclass(frozen=True, kw_only=True)
class FileRun(Running):
    """The runs of a file.

    Attributes:
        only: names of the trainings and studies to run; the trainings they need run, too.
        like: result whose study to run again with the same settings, instead of a file.
        output: result to write with --like.
    """

    only: Annotated[tuple[str, ...], Default("all")] = ()
    like: Annotated[Path | None, Default("")] = None
    output: Annotated[Path | None, Default("STUDY.nc")] = None


@dataclass(frozen=True, kw_only=True)
class FileSubject(SubjectOptions):
    """Models and data of the studies."""

    panel: ClassVar[str] = "subject"


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """A training of the file.

    Attributes:
        name: its name in the file.
        output: its checkpoint.
        model: name in ``MODELS``.
        settings: settings that differ from the preset's.
        keys: its other keys.
    """

    name: str
    output: Path
    model: str
    settings: dict[str, Any]
    keys: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StudyJob:
    """A study of the file.

    Attributes:
        name: its name in the file.
        output: its result.
        study: name in ``STUDIES``.
        model: a training of the file, a checkpoint, or None.
        settings: settings that differ from the preset's.
        keys: its other keys.
    """

    name: str
    output: Path
    study: str
    model: TrainingJob | Path | None
    settings: dict[str, Any]
    keys: Mapping[str, Any]


Jobs = tuple[dict[str, TrainingJob], dict[str, StudyJob]]


def run_command() -> Any:
    """Return the command."""
    parts = [
        Part(
            name="subject",
            options=options_of("pyrosnn_cli.study_file:FileSubject"),
            make=FileSubject,
        ),
        Part(name="running", options=options_of("pyrosnn_cli.study_file:FileRun"), make=FileRun),
    ]
    argument = typer.Argument(help="List of trainings and studies.", metavar="[FILE.toml]")
    return make_command("run", ABOUT, parts, run_file, argument=("file", Path, argument))


def run_file(subject: FileSubject, running: FileRun, file: Path | None = None) -> None:
    """Run what a file lists, or what a result says."""
    if running.like is not None:
        require(file is None, f"give a file or --like, got {file} and --like {running.like}")
        _run_like(running.like, subject, running)
        return
    if file is None:
        raise ArgumentError("study run needs a file of trainings and studies, or --like RESULT.nc")
    trainings, studies = read_jobs(file)
    for name in running.only:
        if name not in {**trainings, **studies}:
            raise unknown_name("training or study", name, [*trainings, *studies])
    _check(trainings, studies, subject)
    done = set()
    for job in studies.values():
        if running.only and job.name not in running.only:
            continue
        if isinstance(job.model, TrainingJob) and job.model.name not in done:
            _train(job.model, subject, running)
            done.add(job.model.name)
        _study(job, subject, running)
    for training in trainings.values():
        if training.name not in done and (not running.only or training.name in running.only):
            _train(training, subject, running)


def read_jobs(file: Path) -> Jobs:
    """Read the trainings and studies of a file.

    Raises:
        FileError: if it cannot be read, or is no TOML.
        ArgumentError, UnknownNameError: naming the table and the key.
    """
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise FileError(f"cannot read {file}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{file} is not readable TOML ({error})") from error
    for key in content:
        if key not in (*FOLDERS, *TABLES, "defaults"):
            raise unknown_name(f"key of {file}", key, [*FOLDERS, "defaults", *TABLES])
    for key in FOLDERS:
        require(
            isinstance(content.get(key, ""), str),
            f"{key} of {file} must be a folder, got {content.get(key)!r}",
        )
    tables = {kind: dict(_tables(file, content, kind)) for kind in TABLES}
    trainings = {
        name: _training(file, name, table, Path(content.get("checkpoints", ".")))
        for name, table in tables["train"].items()
    }
    studies = {
        name: _study_of(file, name, table, Path(content.get("results", ".")), trainings)
        for name, table in tables["study"].items()
    }
    return trainings, studies


def _tables(
    file: Path, content: Mapping[str, Any], kind: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tables of a kind by name, with the defaults of the file."""
    defaults = content.get("defaults", {}).get(kind, {})
    tables = content.get(kind, {})
    require(
        isinstance(tables, dict) and all(isinstance(table, dict) for table in tables.values()),
        f"{kind} of {file} must be tables [{kind}.NAME]",
    )
    for name, table in tables.items():
        yield name, {**defaults, **table}


def _training(file: Path, name: str, table: dict[str, Any], folder: Path) -> TrainingJob:
    where = f"[train.{name}] of {file}"
    require("model" in table, f"{where} needs a model ({', '.join(MODELS)})")
    model = table["model"]
    row_of(MODELS, model, f"model in {where},")
    options = training_options(model, table)
    keys, settings = _split(where, table, TRAINING_KEYS, options)
    path = folder / f"{name}.safetensors"
    return TrainingJob(name=name, output=path, model=model, settings=settings, keys=keys)


def _study_of(
    file: Path,
    name: str,
    table: dict[str, Any],
    folder: Path,
    trainings: Mapping[str, TrainingJob],
) -> StudyJob:
    where = f"[study.{name}] of {file}"
    require("study" in table, f"{where} needs a study ({', '.join(STUDIES)})")
    study = table["study"]
    entry = row_of(STUDIES, study, f"study in {where},")
    keys, settings = _split(where, table, STUDY_KEYS, study_options(study, table))
    model: TrainingJob | Path | None = None
    if entry.needs != "nothing":
        require("model" in table, f"{where} needs a model: a training of the file, or a checkpoint")
        model = trainings.get(table["model"]) or Path(table["model"])
    return StudyJob(
        name=name,
        output=folder / f"{name}.nc",
        study=study,
        model=model,
        settings=settings,
        keys=keys,
    )


def _split(
    where: str, table: Mapping[str, Any], own: tuple[str, ...], options: list[Option]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a table's own keys, and its settings as nested values."""
    many = {option.name: option for option in options if option.kind.many}
    settings = {
        key: parse(value, many[key].kind, f"{key} in {where}")
        if key in many and isinstance(value, str)
        else value
        for key, value in table.items()
        if key not in own
    }
    return {key: table[key] for key in own if key in table}, nested(options, settings, where)


def _check(
    trainings: Mapping[str, TrainingJob], studies: Mapping[str, StudyJob], data: DataOptions
) -> None:
    """Refuse settings that cannot be before the first training."""
    from pyrosnn.data import load_dataset
    from pyrosnn.training import preset
    from pyrosnn_studies.study import find_study

    specs, datasets = {}, {}
    for training in trainings.values():
        specs[training.name] = preset(
            training.model, training.keys.get("preset", "quick"), **training.settings
        )
        name = training.keys.get("dataset", next(iter(DATASETS)))
        if name not in datasets:
            datasets[name] = load_dataset(name, data.data_root)
    for job in studies.values():
        start = job.keys.get("preset", "quick")
        if job.model is None:
            find_study(job.study).make_spec(start, None, None, **job.settings)
        elif isinstance(job.model, TrainingJob):
            dataset = datasets[job.model.keys.get("dataset", next(iter(DATASETS)))]
            spec = specs[job.model.name]
            find_study(job.study).make_spec(start, dataset, spec, **job.settings)
        else:
            require(job.model.exists(), f"study {job.name}: there is no model {job.model}")


def _train(job: TrainingJob, data: DataOptions, running: FileRun) -> None:
    job.output.parent.mkdir(parents=True, exist_ok=True)
    own = {key: job.keys[key] for key in ("preset", "test_samples") if key in job.keys}
    shared = {f.name: getattr(running, f.name) for cls in (Writing, Showing) for f in fields(cls)}
    where = {f.name: getattr(data, f.name) for f in fields(DataOptions)}
    train(
        job.model,
        DataOptions(**{**where, "dataset": job.keys.get("dataset")}),
        job.settings,
        TrainingRun(**own, **shared, output=job.output),
    )


def _study(job: StudyJob, subject: SubjectOptions, running: FileRun) -> None:
    job.output.parent.mkdir(parents=True, exist_ok=True)
    model = job.model.output if isinstance(job.model, TrainingJob) else job.model
    own = {key: job.keys[key] for key in ("preset", "compact", "threads") if key in job.keys}
    shared = {f.name: getattr(running, f.name) for f in fields(Running)}
    means = {f.name: getattr(subject, f.name) for f in fields(SubjectOptions)}
    dataset = job.keys.get("dataset")
    run_study(
        job.study,
        job.settings,
        StudyRun(**{**shared, **own, "output": job.output}),
        None if model is None else SubjectOptions(**{**means, "model": model, "dataset": dataset}),
    )


def _run_like(like: Path, subject: SubjectOptions, running: FileRun) -> None:
    """Run a result's study again, with its settings."""
    from pyrosnn.results import open_results
    from pyrosnn_studies.study import study_of

    name = study_of(open_results(like)).name
    shared = {f.name: getattr(running, f.name) for f in fields(Running)}
    run = StudyRun(**shared, like=like, output=running.output)
    run_study(name, {}, run, None if STUDIES[name].needs == "nothing" else subject)
