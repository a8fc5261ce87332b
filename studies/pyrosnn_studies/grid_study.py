"""What the studies that are grids of evaluations have in common, as studies."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.adapters import Reference
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.outputs import find_output
from pyrosnn.tables import Table
from pyrosnn.training import TrainingSpec
from pyrosnn_studies.grid import GridSpec, grid_cells, recorded_grid, run_grid_cell
from pyrosnn_studies.study import Study

Training = TrainingSpec | Reference


def grid_study(
    name: str,
    *,
    tables: Callable[[xr.DataTree], list[Table]],
    figure: Callable[[xr.DataTree], Figure],
    smoothed: bool = False,
) -> Study:
    """Return a study that is a grid of evaluations (:class:`GridSpec`).

    Args:
        name: its name in ``STUDIES``.
        tables: the tables that it ends with.
        figure: its figure.
        smoothed: judge the model averaged over noise, by default as much as it was trained with.
    """
    return Study(
        name=name,
        spec=GridSpec,
        cells=grid_cells,
        run_cell=run_grid_cell,
        tables=tables,
        figure=figure,
        settings=recorded_grid,
        complete=partial(_smoothed, name) if smoothed else None,
    )


def _smoothed(
    study: str, settings: dict[str, Any], dataset: Dataset, training: Training
) -> dict[str, Any]:
    """Return settings with the noise of the training; refuse what has no smooth condition."""
    variance = settings.get("smoothing_variance")
    if variance is None:
        variance = _trained_variance(study, training)
    if not find_output(training.output).bounded:
        raise ArgumentError(
            f"{study} needs discriminant functions in [0, 1], for which the constants L are "
            f"known; those of {training.model} are {training.output}: take a bnn or an im"
        )
    if settings.get("norm", "l2") != "l2":
        raise ArgumentError(
            f"{study} compares ‖δ‖₂ with radii, got the norm '{settings['norm']}'; use l2"
        )
    if not 0 < variance < math.inf:
        raise ArgumentError(f"the variance of the noise must be > 0, got {variance}")
    return {**settings, "smoothing_variance": variance}


def _trained_variance(study: str, training: Training) -> float:
    """Return the variance of the noise that a model was trained with; refuse one without."""
    if training.smoothing_variance > 0:
        return training.smoothing_variance
    if isinstance(training, Reference):
        raise ArgumentError(
            f"{study} averages a model over noise, and how much {training.model} was trained with "
            "is not known; give --smoothing-variance"
        )
    raise ArgumentError(
        f"{study} needs a model trained with noise, this one was trained without; "
        "train one with --smoothing-variance 0.1, or give that option here to average this one"
    )
