"""Running a study: model and data in, tables on the screen, netCDF file and figure out."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pyrosnn.data import DATASETS
from pyrosnn.errors import ArgumentError, DataError, FileError, unknown_name
from pyrosnn.storage import check_writable, lock
from pyrosnn_cli.computing import check_computing, set_threads
from pyrosnn_cli.options import Running, Showing, Subject, open_device, parse_bytes

if TYPE_CHECKING:
    import torch
    import xarray as xr

    from pyrosnn.adapters import OwnModel
    from pyrosnn.data.dataset import Dataset
    from pyrosnn.training import Checkpoint, TrainingSpec
    from pyrosnn_studies.study import Study

DEFAULT_DATASET = "digits"
# the paper's variance of the noise that smoothed networks are trained with
SMOOTHING_VARIANCE = 0.1


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a study works on, loaded.

    Attributes:
        data: its data set; None if the study needs none.
        checkpoint: its model; None if it needs none, and for the default one.
        device: where it is computed.
        memory_budget: bytes that the evaluation of a block of images may take.
    """

    data: "Dataset | None"
    checkpoint: "Checkpoint | OwnModel | None"
    device: "torch.device"
    memory_budget: int


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a study ran on.

    Attributes:
        result: what it gave.
        spec: its settings.
        checkpoint: its model, None if it needs none.
        data: its data set, likewise.
    """

    result: "xr.DataTree"
    spec: Any
    checkpoint: "Checkpoint | OwnModel | None"
    data: "Dataset | None"


def run_study(
    name: str,
    *,
    preset: str,
    output: Path,
    running: Running,
    subject: Subject | None = None,
    changes: dict[str, Any],
) -> Ran:
    """Run one study, show what it gives, and return it; refuses what it can before any work.

    Args:
        name: a name in ``STUDIES``.
        preset: settings to start from.
        output: netCDF file; the figure goes beside it.
        running: what is done with existing files and an interrupted run's cells, where the work is
            done, how progress is shown, and in which form the result is written.
        subject: model, data and means; no model trains or loads a default one beside the output.
            None for a study that needs none of them.
        changes: settings that differ from the preset's; None leaves one as it is.
    """
    if output.suffix == ".png":
        raise ArgumentError(f"--output names the netCDF file, got {output}; use a name like a.nc")
    with lock(output), lock(figure_of(output)):
        check_places(output, running)
        check_computing(running)
        set_threads(running)
        opened = open_subject(subject)
        return run_opened(
            name, opened, preset=preset, output=output, running=running, changes=changes
        )


def run_opened(
    name: str,
    opened: Opened,
    *,
    preset: str,
    output: Path,
    running: Running,
    changes: dict[str, Any],
) -> Ran:
    """Run one study on what is loaded, see :func:`run_study`; the caller has locked the output."""
    from pyrosnn_cli.resume import find_result, make_result
    from pyrosnn_cli.show import show_tables
    from pyrosnn_studies.runner import Material

    study, spec = settings_of(name, opened, preset=preset, changes=changes)
    data, checkpoint = opened.data, opened.checkpoint
    material = None
    if data is not None:
        if checkpoint is None:
            default = _default_training(study.needs)
            checkpoint = _default_model(data, default, output.parent, opened.device, running)
        checkpoint.require_dataset(data)
        material = Material(
            classifier=checkpoint.classifier,
            dataset=data,
            memory_budget=opened.memory_budget,
            training=checkpoint.spec,
        )
    end = f"{output} is whole: nothing was left to do"
    result = find_result(study, spec, material, output, running)
    if result is None:
        result = make_result(study, spec, material, output, running)
        end = f"wrote {output} and {figure_of(output)}"
    show_tables(study.tables(result))
    typer.echo(end)
    return Ran(result=result, spec=spec, checkpoint=checkpoint, data=data)


def settings_of(
    name: str, opened: Opened, *, preset: str, changes: dict[str, Any]
) -> "tuple[Study, Any]":
    """Return a study and its settings; refuses a model that the study cannot take."""
    from pyrosnn_studies.study import find_study

    study = find_study(name)
    checkpoint = opened.checkpoint
    trained = _default_training(study.needs) if checkpoint is None else checkpoint.spec
    return study, study.make_spec(preset, opened.data, trained, **changes)


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
            f"{folder} holds cells of an interrupted run; add --resume to go on with them, or "
            "--overwrite to start anew"
        )


def open_subject(subject: Subject | None) -> Opened:
    """Load what a study works on; None is nothing, no model the default one, not yet trained."""
    from pyrosnn.data import load_dataset
    from pyrosnn_cli.own_model import is_reference, open_checkpoint, open_own_model

    means = subject or Subject()
    budget = parse_bytes(means.memory_budget, "--memory-budget")
    device = open_device(means.device)
    data: Dataset | None = None
    checkpoint: Checkpoint | OwnModel | None = None
    if subject is not None and subject.model is not None and is_reference(subject.model):
        data = load_dataset(subject.dataset or DEFAULT_DATASET, subject.data_root)
        checkpoint = open_own_model(str(subject.model), data, device)
    elif subject is not None:
        trained = None if subject.model is None else open_checkpoint(subject.model, device)
        data = load_dataset(_dataset_name(trained, subject.dataset), subject.data_root)
        if trained is not None:
            trained.require_dataset(data)
        checkpoint = trained
    return Opened(data=data, checkpoint=checkpoint, device=device, memory_budget=budget)


def _dataset_name(checkpoint: "Checkpoint | None", dataset: str | None) -> str:
    """Return the data set to load; refuse one that is not the checkpoint's."""
    if dataset is not None and dataset not in DATASETS:
        raise unknown_name("data set", dataset, DATASETS)
    if checkpoint is not None:
        checkpoint.require_name(dataset or checkpoint.dataset)
        return checkpoint.dataset
    if dataset not in (None, DEFAULT_DATASET):
        raise ArgumentError(
            f"there is no default model for {dataset}; train one (pyrosnn train bnn "
            f"--dataset {dataset} --preset paper) and name it with --model"
        )
    return DEFAULT_DATASET


def _default_training(needs: str) -> "TrainingSpec":
    """Return the settings of the default model: a BNN, trained with noise where it is needed."""
    from pyrosnn.training import preset

    return preset("bnn", smoothing_variance=SMOOTHING_VARIANCE if needs == "smoothed" else 0.0)


def _default_model(
    data: "Dataset", spec: "TrainingSpec", folder: Path, device: "torch.device", showing: Showing
) -> "Checkpoint":
    """Train the default model and keep it in ``folder``, or load the one that is kept there."""
    from pyrosnn.training import load_checkpoint, state_path
    from pyrosnn_cli.training import train_and_save

    suffix = "-smoothed" if spec.smoothing_variance > 0 else ""
    path = folder / f"{spec.model}-{data.name}{suffix}.safetensors"
    with lock(path, state_path(path)):
        if not path.exists():
            try:
                train_and_save(
                    spec,
                    data,
                    path,
                    device=device,
                    test_samples=100,
                    overwrite=False,
                    showing=showing,
                )
            except FileError as error:
                error.add_note(
                    f"{path} is the default model of studies here; if another training is in its "
                    "place, move that file away, or name a model with --model"
                )
                raise
    checkpoint = load_checkpoint(path, device)
    if checkpoint.spec != spec:
        raise DataError(
            f"{path} holds another model than the default one; name it with --model {path}, "
            "or move it away"
        )
    return checkpoint
