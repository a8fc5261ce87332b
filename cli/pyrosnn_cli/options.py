"""Options that several commands have: a dataclass for each group, read as all settings are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge

from pyrosnn.data import DATA_ROOT_VARIABLE, DATASETS, OWN_DATA
from pyrosnn.settings import RARE, Default, OneOf, Settings, options_of, parse_integer
from pyrosnn.settings.presets import PRESETS
from pyrosnn.tables import FORMATS
from pyrosnn_cli.command import annotation

MEMORY_BUDGET = "1GiB"


@dataclass(frozen=True, kw_only=True)
class DataOptions(Settings):
    """Data, and where to compute.

    Attributes:
        dataset: data set, or a function or a file of your own.
        data_root: folder of the data files; missing files are downloaded to it.
        device: device to compute on, such as cpu, cuda or cuda:1.
    """

    panel: ClassVar[str] = "subject"

    dataset: Annotated[
        str | None, OneOf(DATASETS, "data set", OWN_DATA, folders=True), Default("the model's")
    ] = None
    data_root: Annotated[Path | None, Default(f"${DATA_ROOT_VARIABLE}, or ~/.cache/pyrosnn")] = None
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class SubjectOptions(DataOptions):
    """Model and data of a study.

    Attributes:
        model: checkpoint, a trained model that comes with pyrosnn (zoo:digits/bnn), or
            package.module:function, which returns a classifier of your own.
        memory_budget: memory for evaluating one block, such as 512MiB or 2GB; changes no result.
    """

    model: Annotated[Path | None, Default("")] = None
    memory_budget: Annotated[str, RARE] = MEMORY_BUDGET


@dataclass(frozen=True, kw_only=True)
class Starting(Settings):
    """Where a training or a study starts from.

    Attributes:
        preset: settings to start from (quick suits digits, paper follows the paper).
    """

    panel: ClassVar[str] = "run"

    preset: Annotated[str, OneOf(PRESETS)] = "quick"


@dataclass(frozen=True, kw_only=True)
class Showing(Settings):
    """Progress on standard error.

    Attributes:
        quiet: show no progress.
        log_json: show progress as JSON, one object per line.
    """

    panel: ClassVar[str] = "run"

    quiet: Annotated[bool, RARE] = False
    log_json: Annotated[bool, RARE] = False


@dataclass(frozen=True, kw_only=True)
class Writing(Settings):
    """Outputs that exist.

    Attributes:
        overwrite: replace existing output files.
        resume: resume an interrupted run, or start a new one.
    """

    panel: ClassVar[str] = "run"

    overwrite: bool = False
    resume: bool = False


@dataclass(frozen=True, kw_only=True)
class Running(Writing, Showing):
    """How a study is run and its result kept: none of it is a setting of the study.

    Attributes:
        compact: write a smaller file, with 12-bit fractions, without images or derived variables.
        workers: number of local processes (a Dask cluster) that share the work.
        scheduler: address of a Dask scheduler whose workers share the work.
        threads: number of torch's threads per process; the same number gives the same result, bit
            for bit.
    """

    compact: bool = False
    workers: Annotated[int | None, Ge(1), RARE, Default("this process")] = None
    scheduler: Annotated[str | None, RARE, Default("")] = None
    threads: Annotated[
        int | None, Ge(1), RARE, Default("torch's; 1 with --workers or --scheduler")
    ] = None


TEXT = "text"  # for a terminal


@dataclass(frozen=True, kw_only=True)
class Rendering(Settings):
    """How a command shows its tables.

    Attributes:
        format: how tables are written.
        table: number of the one table to show.
    """

    panel: ClassVar[str] = ""

    format: Annotated[str, OneOf((TEXT, *FORMATS))] = TEXT
    table: Annotated[int | None, Ge(1), Default("all")] = None


def read_rendering(format: str | None, table: str | None) -> Rendering:
    """Return the rendering that a command line asks for.

    Args:
        format: what is given to ``--format``, if it is.
        table: what is given to ``--table``, if it is.

    Raises:
        ArgumentError, UnknownNameError: for values that cannot be.
    """
    number = None if table is None else parse_integer(table, "--table")
    return Rendering(format=format or TEXT, table=number)


# For commands that take no other group.
Overwrite = annotation(options_of("pyrosnn_cli.options:Writing")[0], switch=True)
Format, OneTable = map(annotation, options_of("pyrosnn_cli.options:Rendering"))
