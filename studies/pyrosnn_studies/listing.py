"""Lists of trainings and studies: a TOML file whose keys are the command line's options."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from pyrosnn.data import DATASETS, OWN_DATA
from pyrosnn.errors import ArgumentError, FileError, first_line, require, row_of, unknown_name
from pyrosnn.models import MODELS, is_sampled
from pyrosnn.settings import Kind, OneOf, Option, check_value, kind_of, nested, parse
from pyrosnn.training.options import OF_CHAINS, SAMPLED, choice_with, training_options
from pyrosnn_studies import STUDIES
from pyrosnn_studies.jobs import Jobs, StudyJob, TrainingJob, naming
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
        table.name: _training(table, Path(folders[0])) for table in _tables(file, content, "train")
    }
    studies = {
        table.name: _study(table, Path(folders[1]), trainings)
        for table in _tables(file, content, "study")
    }
    require(
        len(trainings) + len(studies) > 0,
        f"{file} lists no training and no study; add a table [train.NAME] or [study.NAME]",
    )
    return trainings, studies


@dataclass(frozen=True, kw_only=True)
class _Table:
    """A table of a list, with the defaults.

    Attributes:
        name: its name.
        where: its table and file, for errors.
        values: its keys, and those of the defaults.
        written: the table that each key is written in, and its file.
    """

    name: str
    where: str
    values: dict[str, Any]
    written: dict[str, str]

    def place(self, key: str) -> str:
        """Say where a key is written, and for which table if not in this one."""
        there = self.written[key]
        return there if there == self.where else f"{there} (for {self.name})"


def _tables(file: Path, content: Mapping[str, Any], kind: str) -> Iterator[_Table]:
    """Yield the tables of a kind, with the defaults of the file."""
    defaults, tables = content.get("defaults", {}), content.get(kind, {})
    for part in (defaults, tables):
        require(
            isinstance(part, dict) and all(isinstance(table, dict) for table in part.values()),
            f"{kind} of {file} must be tables [{kind}.NAME], and defaults [defaults.{kind}]",
        )
    for name, table in tables.items():
        shared = defaults.get(kind, {})
        study = str({**shared, **table}.get("study")) if kind == "study" else ""
        values: dict[str, Any] = {}
        written: dict[str, str] = {}
        for where, part in (
            (f"defaults.{kind}", shared),
            (f"defaults.{study}", defaults.get(study, {})),
            (f"{kind}.{name}", table),
        ):
            values |= part
            written |= dict.fromkeys(part, f"[{where}] of {file}")
        yield _Table(name=name, where=f"[{kind}.{name}] of {file}", values=values, written=written)


def _training(table: _Table, folder: Path) -> TrainingJob:
    where, values = table.where, table.values
    require("model" in values, f"{where} needs a model ({', '.join(MODELS)})")
    row_of(MODELS, values["model"], f"model in {table.place('model')},")
    with naming(where):
        options = training_options(values["model"], values)
    _check_chains(table)
    keys, settings = _split(table, TRAINING_KEYS, options)
    return TrainingJob(
        name=table.name,
        where=where,
        output=folder / f"{table.name}.safetensors",
        model=values["model"],
        settings=settings,
        keys=keys,
    )


def _check_chains(table: _Table) -> None:
    """Refuse settings of a training in steps for a model whose weights are sampled."""
    model = table.values["model"]
    for key in table.values if is_sampled(model) else ():
        if key in OF_CHAINS or choice_with(model, key, table.values) != SAMPLED:
            continue
        step = "leave it out"
        if table.written[key] != table.where:
            step = "write it in the tables of other models, and not in [defaults.train]"
        raise ArgumentError(f"{table.where}: {model} has no {key}: {SAMPLED}; {step}")


def _study(table: _Table, folder: Path, trainings: Mapping[str, TrainingJob]) -> StudyJob:
    where, values = table.where, table.values
    require("study" in values, f"{where} needs a study ({', '.join(STUDIES)})")
    entry = row_of(STUDIES, values["study"], f"study in {table.place('study')},")
    with naming(where):
        options = study_options(values["study"], values)
    keys, settings = _split(table, STUDY_KEYS, options)
    model: TrainingJob | Path | None = None
    if entry.needs != "nothing":
        require(
            "model" in values, f"{where} needs a model: a training of the file, or a checkpoint"
        )
        model = trainings.get(values["model"]) or Path(values["model"])
    return StudyJob(
        name=table.name,
        where=where,
        output=folder / f"{table.name}.nc",
        study=values["study"],
        model=model,
        settings=settings,
        keys=keys,
    )


def _split(
    table: _Table, own: Mapping[str, Kind], options: Sequence[Option]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a table's own keys, and its settings as nested values."""
    values = table.values
    for key in own.keys() & values.keys():
        check_value(f"{key} in {table.place(key)}", values[key], own[key])
    kinds = {name: option.kind for option in options for name in (option.name, *option.also)}
    settings = {
        key: _read(value, kinds.get(key, Kind(None)), f"{key} in {table.place(key)}")
        for key, value in values.items()
        if key not in own
    }
    known = [*own, *(option.name for option in options)]
    for key in settings:
        if key not in kinds:
            raise unknown_name(f"key of {table.place(key)},", key, known)
    kept = {key: values[key] for key in own if key in values}
    return kept, nested(options, settings, table.where)


def _read(value: Any, kind: Kind, name: str) -> Any:
    """Return a value of TOML as the command line has it: 1 is 1.0 where a number is expected."""
    if kind.many and isinstance(value, str):
        return parse(value, kind, name)
    if kind.many and isinstance(value, list):
        return tuple(_read(one, replace(kind, many=False), name) for one in value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if kind.type is float and whole else value
