"""Lists of trainings and studies: a TOML file whose keys are the command line's options."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from pyrosnn.data import DATASETS, OWN_DATA
from pyrosnn.errors import ArgumentError, FileError, first_line, require, row_of, unknown_name
from pyrosnn.models import MODELS, is_sampled
from pyrosnn.settings import Kind, OneOf, Option, check_value, kind_of, nested, parse
from pyrosnn.training.options import OF_CHAINS, SAMPLED, choice_with, training_options
from pyrosnn.zoo import PREFIX
from pyrosnn_studies import STUDIES
from pyrosnn_studies.options import study_options

# Keys of a table that are no settings of the training or the study itself.
_COUNT, _NAME = kind_of(Annotated[int, Ge(1)]), kind_of(str)
_DATASET = kind_of(Annotated[str, OneOf(DATASETS, "data set", OWN_DATA, folders=True)])
TRAINING_KEYS = {"model": _NAME, "dataset": _DATASET, "preset": _NAME, "test_samples": _COUNT}
STUDY_KEYS = {
    **{"study": _NAME, "model": _NAME, "dataset": _DATASET, "preset": _NAME},
    **{"compact": kind_of(bool), "threads": _COUNT},
}
FOLDERS = ("checkpoints", "results")
TABLES = ("train", "study")


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """A training of a list.

    Attributes:
        name: its name in the list.
        where: its table and file, for errors.
        output: its checkpoint.
        model: name in ``MODELS``.
        settings: settings that differ from the preset's.
        keys: its other keys, see ``TRAINING_KEYS``.
    """

    name: str
    where: str
    output: Path
    model: str
    settings: dict[str, Any]
    keys: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StudyJob:
    """A study of a list.

    Attributes:
        name: its name in the list.
        where: its table and file, for errors.
        output: its result.
        study: name in ``STUDIES``.
        model: a training of the list, a checkpoint, or None for a study that needs none.
        settings: settings that differ from the preset's.
        keys: its other keys, see ``STUDY_KEYS``.
    """

    name: str
    where: str
    output: Path
    study: str
    model: TrainingJob | Path | None
    settings: dict[str, Any]
    keys: Mapping[str, Any]


Jobs = tuple[dict[str, TrainingJob], dict[str, StudyJob]]


def read_jobs(file: Path) -> Jobs:
    """Read the trainings and studies of a list by name.

    ``[train.NAME]`` is written to NAME.safetensors in the folder ``checkpoints``, ``[study.NAME]``
    to NAME.nc in ``results``. ``[defaults.train]`` and ``[defaults.study]`` hold what all share,
    ``[defaults.STUDY]`` what all runs of one study do. A table's own keys come before these, and
    these before those of all.

    Args:
        file: the TOML file; its paths are relative to the current folder.

    Raises:
        FileError: if it cannot be read, or is no TOML.
        ArgumentError, UnknownNameError: naming the table and the key.
    """
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise FileError(
            f"there is no file {file}; expected a list of trainings and studies"
        ) from None
    except OSError as error:
        raise FileError(f"cannot read {file}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        like = "; a result is run again with --like" if file.suffix == ".nc" else ""
        raise FileError(f"{file} is not readable TOML ({first_line(error)}){like}") from error
    for key in content:
        if key not in (*FOLDERS, *TABLES, "defaults"):
            raise unknown_name(f"key of {file}", key, [*FOLDERS, "defaults", *TABLES])
    defaults = content.get("defaults", {})
    require(isinstance(defaults, dict), f"defaults of {file} must be tables, got {defaults!r}")
    for key in defaults:
        if key not in (*TABLES, *STUDIES):
            raise unknown_name(f"table of [defaults] of {file}", key, [*TABLES, *STUDIES])
        own = defaults[key]
        require(isinstance(own, dict), f"defaults.{key} of {file} must be a table, got {own!r}")
        require(
            key in TABLES or "study" not in own,
            f"[defaults.{key}] of {file} is for runs of {key} alone; leave out its key 'study'",
        )
    folders = [content.get(key, ".") for key in FOLDERS]
    for key, folder in zip(FOLDERS, folders, strict=True):
        require(isinstance(folder, str), f"{key} of {file} must be a folder, got {folder!r}")
    trainings = {
        name: _training(f"[train.{name}] of {file}", name, table, Path(folders[0]), own)
        for name, table, own in _tables(file, content, "train")
    }
    studies = {
        name: _study(f"[study.{name}] of {file}", name, table, Path(folders[1]), trainings)
        for name, table, _ in _tables(file, content, "study")
    }
    require(
        len(trainings) + len(studies) > 0,
        f"{file} lists no training and no study; add a table [train.NAME] or [study.NAME]",
    )
    return trainings, studies


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Put a table's name before the errors about its settings."""
    try:
        yield
    except ArgumentError as error:
        raise type(error)(f"{where}: {error}") from error


def _tables(
    file: Path, content: Mapping[str, Any], kind: str
) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Yield the tables of a kind by name, with the defaults of the file; and their own keys."""
    defaults, tables = content.get("defaults", {}), content.get(kind, {})
    for part in (defaults, tables):
        require(
            isinstance(part, dict) and all(isinstance(table, dict) for table in part.values()),
            f"{kind} of {file} must be tables [{kind}.NAME], and defaults [defaults.{kind}]",
        )
    for name, table in tables.items():
        shared = defaults.get(kind, {})
        study = str({**shared, **table}.get("study")) if kind == "study" else ""
        of_one_study = defaults.get(study, {})
        yield name, {**shared, **of_one_study, **table}, [*table]


def _training(
    where: str, name: str, table: dict[str, Any], folder: Path, own: Sequence[str]
) -> TrainingJob:
    require("model" in table, f"{where} needs a model ({', '.join(MODELS)})")
    row_of(MODELS, table["model"], f"model in {where},")
    with _named(where):
        options = training_options(table["model"], table)
    _check_chains(where, table, own)
    keys, settings = _split(where, table, TRAINING_KEYS, options)
    return TrainingJob(
        name=name,
        where=where,
        output=folder / f"{name}.safetensors",
        model=table["model"],
        settings=settings,
        keys=keys,
    )


def _check_chains(where: str, table: Mapping[str, Any], own: Sequence[str]) -> None:
    """Refuse settings of a training in steps for a model whose weights are sampled."""
    model = table["model"]
    for key in table if is_sampled(model) else ():
        if key in OF_CHAINS or choice_with(model, key, table) != SAMPLED:
            continue
        step = "leave it out"
        if key not in own:
            step = "write it in the tables of other models, and not in [defaults.train]"
        raise ArgumentError(f"{where}: {model} has no {key}: {SAMPLED}; {step}")


def _study(
    where: str,
    name: str,
    table: dict[str, Any],
    folder: Path,
    trainings: Mapping[str, TrainingJob],
) -> StudyJob:
    require("study" in table, f"{where} needs a study ({', '.join(STUDIES)})")
    entry = row_of(STUDIES, table["study"], f"study in {where},")
    with _named(where):
        options = study_options(table["study"], table)
    keys, settings = _split(where, table, STUDY_KEYS, options)
    model: TrainingJob | Path | None = None
    if entry.needs != "nothing":
        require("model" in table, f"{where} needs a model: a training of the file, or a checkpoint")
        model = trainings.get(table["model"]) or Path(table["model"])
    return StudyJob(
        name=name,
        where=where,
        output=folder / f"{name}.nc",
        study=table["study"],
        model=model,
        settings=settings,
        keys=keys,
    )


def _split(
    where: str, table: Mapping[str, Any], own: Mapping[str, Kind], options: Sequence[Option]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a table's own keys, and its settings as nested values."""
    for key in own.keys() & table.keys():
        check_value(f"{key} in {where}", table[key], own[key])
    kinds = {name: option.kind for option in options for name in (option.name, *option.also)}
    settings = {
        key: _read(value, kinds.get(key, Kind(None)), f"{key} in {where}")
        for key, value in table.items()
        if key not in own
    }
    known = [*own, *(option.name for option in options)]
    for key in settings:
        if key not in kinds:
            raise unknown_name(f"key of {where}", key, known)
    return {key: table[key] for key in own if key in table}, nested(options, settings, where)


def _read(value: Any, kind: Kind, name: str) -> Any:
    """Return a value of TOML as the command line has it: 1 is 1.0 where a number is expected."""
    if kind.many and isinstance(value, str):
        return parse(value, kind, name)
    if kind.many and isinstance(value, list):
        return tuple(_read(one, replace(kind, many=False), name) for one in value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if kind.type is float and whole else value


def only_jobs(jobs: Jobs, names: Sequence[str]) -> Jobs:
    """Return some jobs, and the trainings that they need.

    Args:
        jobs: all jobs.
        names: names of trainings and studies.

    Raises:
        UnknownNameError: for a name that is not in the list.
    """
    trainings, studies = jobs
    for name in names:
        row_of({**trainings, **studies}, name, "training or study")
    asked = {name: job for name, job in studies.items() if name in names}
    needed = {job.model.name for job in asked.values() if isinstance(job.model, TrainingJob)}
    return {name: job for name, job in trainings.items() if name in needed | {*names}}, asked


def check_jobs(jobs: Jobs, data_root: Path | None = None) -> None:
    """Refuse settings that cannot be before anything is trained.

    Args:
        jobs: the trainings and studies.
        data_root: folder of the data files.

    Raises:
        PyrosnnError: as the training or the study would.
    """
    from pyrosnn.data import load_dataset
    from pyrosnn.functions import REFERENCE
    from pyrosnn.training import preset
    from pyrosnn_studies.study import find_study

    trainings, studies = jobs
    default = next(iter(DATASETS))
    names = {name: one.keys.get("dataset", default) for name, one in trainings.items()}
    datasets = {name: load_dataset(name, data_root) for name in sorted(set(names.values()))}
    specs = {}
    for name, one in trainings.items():
        with _named(one.where):
            specs[name] = preset(one.model, one.keys.get("preset", "quick"), **one.settings)
    for job in studies.values():
        start, study = job.keys.get("preset", "quick"), find_study(job.study)
        with _named(job.where):
            if job.model is None:
                study.make_spec(start, None, None, **job.settings)
            elif isinstance(job.model, TrainingJob):
                dataset, spec = datasets[names[job.model.name]], specs[job.model.name]
                study.make_spec(start, dataset, spec, **job.settings)
            else:
                is_function = REFERENCE.fullmatch(str(job.model)) is not None
                require(
                    is_function or str(job.model).startswith(PREFIX) or job.model.exists(),
                    f"there is no model {job.model}; name a training of the file, or a checkpoint",
                )
