"""Running a study: model and data in, tables on the screen, netCDF file and figure out."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pyrosnn.data import DATASETS
from pyrosnn.errors import ArgumentError, DataError, unknown_name
from pyrosnn.files import check_writable
from pyrosnn_cli.options import open_device, parse_bytes

if TYPE_CHECKING:
    import torch
    import xarray as xr

    from pyrosnn.data.dataset import Dataset
    from pyrosnn.training import Checkpoint, OwnModel, TrainingSpec

DEFAULT_DATASET = "digits"
# the paper's variance of the noise that smoothed networks are trained with
SMOOTHING_VARIANCE = 0.1


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
    overwrite: bool,
    model: Path | None = None,
    dataset: str | None = None,
    data_root: Path | None = None,
    device: str = "cpu",
    compact: bool = False,
    memory_budget: str = "1GiB",
    changes: dict[str, Any],
) -> "Ran":
    """Run one study, show what it gives, and return it; refuses what it can before any work.

    Args:
        name: a name in ``STUDIES``.
        preset: settings to start from.
        output: netCDF file; the figure goes beside it.
        overwrite: replace existing files.
        model: checkpoint, or ``package.module:function``; None trains or loads a default model
            beside the output.
        dataset: data set; None takes the checkpoint's.
        data_root: folder of the data files.
        device: where to compute.
        compact: write the smaller form of the result.
        memory_budget: what the evaluation of a block of images may take, as the option gives it.
        changes: settings that differ from the preset's; None leaves one as it is.
    """
    if output.suffix == ".png":
        raise ArgumentError(f"--output names the netCDF file, got {output}; use a name like a.nc")
    budget = parse_bytes(memory_budget, "--memory-budget")
    check_writable(output, overwrite=overwrite)
    figure_path = output.with_suffix(".png")
    check_writable(figure_path, overwrite=overwrite)

    from pyrosnn.data import load_dataset
    from pyrosnn.results import compact_result, save_results
    from pyrosnn.training import load_checkpoint
    from pyrosnn_cli.own_model import is_reference, open_own_model
    from pyrosnn_cli.progress import progress_bar
    from pyrosnn_cli.show import show_tables, write_figure
    from pyrosnn_studies.study import find_study

    study = find_study(name)
    target = open_device(device)
    checkpoint: Checkpoint | OwnModel | None = None
    data, training = None, None
    if study.needs != "nothing":
        own = model is not None and is_reference(model)
        checkpoint = None if model is None or own else load_checkpoint(model, target)
        name_of_data = dataset or DEFAULT_DATASET if own else _dataset_name(checkpoint, dataset)
        data = load_dataset(name_of_data, data_root)
        if own:
            checkpoint = open_own_model(str(model), data, target)
        training = _default_training(study.needs) if checkpoint is None else checkpoint.spec
    spec = study.make_spec(preset, data, training, **changes)
    if data is not None and training is not None:
        if checkpoint is None:
            checkpoint = _default_model(data, training, output.parent, target)
        checkpoint.require_dataset(data)
    with progress_bar(f"study {name}", spec.num_steps) as advance:
        result = study.run(spec, checkpoint, data, advance, budget)
    # the figure first: where the result is there, all is
    write_figure(figure_path, study.figure(result), overwrite=overwrite)
    save_results(output, compact_result(result) if compact else result, overwrite=overwrite)
    show_tables(study.tables(result))
    typer.echo(f"wrote {output} and {figure_path}")
    return Ran(result=result, spec=spec, checkpoint=checkpoint, data=data)


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
    data: "Dataset", spec: "TrainingSpec", folder: Path, device: "torch.device"
) -> "Checkpoint":
    """Train the default model and keep it in ``folder``, or load the one that is kept there."""
    from pyrosnn.training import load_checkpoint
    from pyrosnn_cli.training import train_and_save

    suffix = "-smoothed" if spec.smoothing_variance > 0 else ""
    path = folder / f"{spec.model}-{data.name}{suffix}.safetensors"
    if not path.exists():
        train_and_save(spec, data, path, device=device, test_samples=100, overwrite=False)
    checkpoint = load_checkpoint(path, device)
    if checkpoint.spec != spec:
        raise DataError(
            f"{path} holds another model than the default one; name it with --model {path}, "
            "or move it away"
        )
    return checkpoint
