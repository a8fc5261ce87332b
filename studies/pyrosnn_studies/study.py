"""What every study offers: its settings, its run, and how its result is shown."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.adapters import Reference
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, FileError, resolve
from pyrosnn.outputs import find_output
from pyrosnn.training import TrainingSpec
from pyrosnn_studies import STUDIES
from pyrosnn_studies.cells import Plan
from pyrosnn_studies.grid import GRID, GridSpec, grid_spec
from pyrosnn_studies.runner import Compute, Material, Progress, in_order, manifest, run_plan
from pyrosnn_studies.store import CellStore
from pyrosnn_studies.tables import Table


class MakeSpec(Protocol):
    """Settings from a preset, for a data set and a model trained so (None: not needed)."""

    def __call__(self, preset: str, dataset: Any, training: Any, /, **changes: Any) -> Any:
        """Return the settings; a change that is None leaves the preset's value."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """An experiment.

    Attributes:
        name: its name in ``STUDIES``.
        needs: ``model``, one that it averages over noise (``smoothed``), or ``nothing``.
        plan: its cells.
        make_spec: its settings.
        tables: the tables that it ends with.
        figure: its figure.
    """

    name: str
    needs: Literal["model", "smoothed", "nothing"] = "model"
    plan: Plan
    make_spec: MakeSpec
    tables: Callable[[xr.DataTree], list[Table]]
    figure: Callable[[xr.DataTree], Figure]

    def run(
        self,
        spec: Any,
        material: Material | None = None,
        *,
        progress: Progress | None = None,
        store: CellStore | None = None,
        compute: Compute = in_order,
    ) -> xr.DataTree:
        """Run it.

        Args:
            spec: its settings.
            material: the model and the data; None if it needs neither.
            progress: called before the first cell and after each.
            store: where finished cells are kept; those that it has are not run again.
            compute: where cells are run.

        Returns:
            The result: values, spec and provenance.

        Example:
            >>> study = find_study("gaussian-angles")
            >>> spec = study.make_spec("quick", None, None, pairs=20, largest=1.0, step=1.0)
            >>> study.run(spec)["angles"].dataset["angle"].shape
            (2, 2)
        """
        return run_plan(
            self.name, self.plan, spec, material, progress=progress, store=store, compute=compute
        )

    def manifest(self, spec: Any, material: Material | None = None) -> dict[str, Any]:
        """Return all that decides the result of a run, see :func:`runner.manifest`."""
        return manifest(self.name, self.plan, spec, material)


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

    def make_spec(
        preset: str, dataset: Dataset, training: TrainingSpec | Reference, /, **changes: Any
    ) -> GridSpec:
        output = training.output
        if smoothed:
            if changes.get("smoothing_variance") is None:
                changes["smoothing_variance"] = _trained_variance(name, training)
            if not find_output(output).bounded:
                raise ArgumentError(
                    f"{name} needs discriminant functions in [0, 1], for which the constants L are "
                    f"known; those of {training.model} are {output}: take a bnn or an im"
                )
            if changes.get("norm", "l2") != "l2":
                raise ArgumentError(
                    f"{name} compares ‖δ‖₂ with radii, got the norm '{changes['norm']}'; use l2"
                )
            variance = changes["smoothing_variance"]
            if not 0 < variance < math.inf:
                raise ArgumentError(f"the variance of the noise must be > 0, got {variance}")
        return grid_spec(name, preset, dataset, output, **changes)

    return Study(
        name=name,
        needs="smoothed" if smoothed else "model",
        plan=GRID,
        make_spec=make_spec,
        tables=tables,
        figure=figure,
    )


def _trained_variance(study: str, training: TrainingSpec | Reference) -> float:
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


def find_study(name: str) -> Study:
    """Return a study by its name in ``STUDIES``.

    Raises:
        UnknownNameError: with the nearest name.
    """
    study: Study = resolve({key: entry.home for key, entry in STUDIES.items()}, name, "study")
    return study


def study_of(result: xr.DataTree) -> Study:
    """Return the study that a result belongs to.

    Raises:
        FileError: if the result names no study that this pyrosnn has.
    """
    name = str(result.attrs.get("study"))
    if name not in STUDIES:
        raise FileError(f"the result belongs to study '{name}'; known are {', '.join(STUDIES)}")
    return find_study(name)
