"""Running a study: model and data in, tables on the screen, netCDF file and figure out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pyrosnn.data import DATASETS
from pyrosnn.errors import ArgumentError, FileError, require, unknown_name
from pyrosnn.storage import check_writable, lock
from pyrosnn_cli.computing import check_computing, set_threads
from pyrosnn_cli.options import Running, SubjectOptions, open_device, parse_bytes
from pyrosnn_studies import STUDIES

if TYPE_CHECKING:
    import xarray as xr

    from pyrosnn.adapters import OwnModel
    from pyrosnn.data.dataset import Dataset
    from pyrosnn.training import Checkpoint
    from pyrosnn_studies.study import Study
    from pyrosnn_studies.subject import Subject

DEFAULT_DATASET = "digits"
# the paper's variance of the noise that smoothed networks are trained with
SMOOTHING_VARIANCE = 0.1


@contextmanager
def prepared(
    name: str, output: Path, options: SubjectOptions | None, running: Running
) -> "Iterator[Subject | None]":
    """Lock the output of a study, and load what it works on; for a ``with`` block."""
    if output.suffix == ".png":
        raise ArgumentError(f"--output names the netCDF file, got {output}; use a name like a.nc")
    with lock(output), lock(figure_of(output)):
        check_places(output, running)
        check_computing(running)
        if options is not None and options.model is None:
            raise _needs_a_model(name, options.dataset)
        set_threads(running)
        yield None if options is None else open_subject(options)


def run_opened(
    name: str,
    subject: "Subject | None",
    *,
    preset: str,
    like: Path | None = None,
    output: Path,
    running: Running,
    changes: Mapping[str, Any],
) -> "xr.DataTree":
    """Run one study on its subject, show its tables, and return its result.

    The caller has locked the output.

    Args:
        name: a name in ``STUDIES``.
        subject: model and data; None for a study that needs none of them.
        preset: name of the settings to start from.
        like: result whose settings are the start, in place of the preset's.
        output: netCDF file; the figure goes beside it.
        running: how the study is run.
        changes: settings that differ.
    """
    from pyrosnn_cli.resume import find_result, make_result
    from pyrosnn_cli.show import show_tables

    study, spec = settings_of(name, subject, preset=preset, like=like, changes=changes)
    end = f"{output} is whole: nothing was left to do"
    result = find_result(study, spec, subject, output, running)
    if result is None:
        result = make_result(study, spec, subject, output, running)
        end = f"wrote {output} and {figure_of(output)}"
    show_tables(study.tables(result))
    typer.echo(end)
    return result


def settings_of(
    name: str,
    subject: "Subject | None",
    *,
    preset: str,
    like: Path | None = None,
    changes: Mapping[str, Any],
) -> "tuple[Study, Any]":
    """Return a study and its settings; refuses a model that the study cannot take."""
    from pyrosnn_studies.study import find_study

    study = find_study(name)
    start = preset if like is None else _settings_in(like, study)
    dataset, training = (None, None) if subject is None else (subject.dataset, subject.training)
    return study, study.make_spec(start, dataset, training, **changes)


def _settings_in(like: Path, study: "Study") -> dict[str, Any]:
    """Return the settings of a result of the same study."""
    from pyrosnn.results import open_results, read_spec

    result = open_results(like)
    require(
        result.attrs["study"] == study.name,
        f"{like} belongs to study {result.attrs['study']}; --like expects a result of {study.name}",
    )
    return read_spec(result)


def figure_of(output: Path) -> Path:
    """Return where the figure of a result goes."""
    return output.with_suffix(".png")


def check_places(output: Path, running: Running) -> None:
    """Refuse an output that could not be written later, or that is there and not to be replaced."""
    from pyrosnn_studies.store import cells_folder  # loads xarray

    replace = running.overwrite or running.resume  # which looks into what is there
    check_writable(output, overwrite=replace)
    check_writable(figure_of(output), overwrite=replace)
    folder = cells_folder(output)
    if not replace and any(folder.glob("*.cell")):
        raise FileError(
            f"{folder} holds cells of an interrupted run; add --resume to resume it, or "
            "--overwrite to start a new one"
        )


def open_subject(options: SubjectOptions) -> "Subject":
    """Load the model that the options name, which is one, and its data."""
    from pyrosnn.data import load_dataset
    from pyrosnn_cli.own_model import is_reference, open_checkpoint, open_own_model
    from pyrosnn_studies.subject import Subject

    assert options.model is not None  # refused before
    budget = parse_bytes(options.memory_budget, "--memory-budget")
    device = open_device(options.device)
    model: Checkpoint | OwnModel
    if is_reference(options.model):
        dataset = load_dataset(options.dataset or DEFAULT_DATASET, options.data_root)
        model = open_own_model(str(options.model), dataset, device)
    else:
        model = checkpoint = open_checkpoint(options.model, device)
        dataset = _dataset_of(checkpoint, options)
    return Subject(
        classifier=model.classifier, dataset=dataset, training=model.spec, memory_budget=budget
    )


def _dataset_of(checkpoint: "Checkpoint", options: SubjectOptions) -> "Dataset":
    """Load a checkpoint's data set; refuse another one."""
    from pyrosnn.data import load_dataset

    if options.dataset is not None and options.dataset not in DATASETS:
        raise unknown_name("data set", options.dataset, DATASETS)
    checkpoint.require_name(options.dataset or checkpoint.dataset)
    dataset = load_dataset(checkpoint.dataset, options.data_root)
    checkpoint.require_dataset(dataset)
    return dataset


def training_command(needs: str, dataset: str | None) -> tuple[str, Path]:
    """Return a command that trains a model for studies, and the checkpoint that it writes.

    Args:
        needs: ``model``, or ``smoothed`` for one that is trained with noise.
        dataset: the data set; None for digits.

    Raises:
        UnknownNameError: for an unknown data set.

    Example:
        >>> command, path = training_command("smoothed", None)
        >>> command
        'pyrosnn train bnn --smoothing-variance 0.1 --output bnn-digits-smoothed.safetensors'
    """
    name = dataset or DEFAULT_DATASET
    if name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    words = ["pyrosnn train bnn"]
    if name != DEFAULT_DATASET:
        words.append(f"--dataset {name} --preset paper")
    path = Path(f"bnn-{name}.safetensors")
    if needs == "smoothed":
        path = Path(f"bnn-{name}-smoothed.safetensors")
        words.append(f"--smoothing-variance {SMOOTHING_VARIANCE} --output {path}")
    return " ".join(words), path


def _needs_a_model(study: str, dataset: str | None) -> ArgumentError:
    """Return the error for a study without ``--model``, with the command that makes one."""
    command, path = training_command(STUDIES[study].needs, dataset)
    return ArgumentError(
        f"study {study} needs a model: {command} makes {path}, then add --model {path}"
    )
