"""What every study offers: its settings, its run, and how its result is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.adapters import Reference
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import require, resolve
from pyrosnn.settings import check_argument, check_value, checked_arguments, kinds_of, plain
from pyrosnn.tables import Table
from pyrosnn.training import TrainingSpec
from pyrosnn_studies import STUDIES
from pyrosnn_studies.cells import Cell, alike
from pyrosnn_studies.images import limited
from pyrosnn_studies.presets import Presets, preset_settings, start_from, with_defaults
from pyrosnn_studies.runner import Compute, Progress, in_order, manifest, run_cells
from pyrosnn_studies.settings import recorded
from pyrosnn_studies.store import CellStore
from pyrosnn_studies.subject import Subject

Groups = Mapping[str, xr.Dataset]


@dataclass(frozen=True, kw_only=True)
class Study:
    """An experiment: a list of cells, and what is shown of their union.

    All functions are those of a module, so that they travel to other processes by name.

    Attributes:
        name: its name in ``STUDIES``.
        spec: the dataclass of its settings.
        cells: the cells of a spec, in the order in which one process runs them; the first is of
            the result's main group.
        run_cell: the values of a cell, with their coordinates, from the spec, the cell and the
            :class:`~pyrosnn_studies.subject.Subject` (None for a study that needs none); they
            depend on nothing else.
        tables: the tables that it ends with.
        figure: its figure.
        presets: settings by the preset's name; None for those of ``presets.toml``.
        complete: settings that depend on the data and the model's training, from those of the
            preset; the loss, strengths and number of images need none
            (:mod:`~pyrosnn_studies.presets`).
        settle: the spec with what depends on the model itself; the same again if it is settled.
        pilot: what a pilot of ``settle`` chooses, in words; empty where none runs for a spec and
            a subject.
        settings: the spec as plain values, for the result.
        divide: what each group gets of a cell's values, where they are of several; only those of
            the cell's own group have its repeat.
        reduce: what the result holds of the cells' union, by group, where that is less.
        cost: about how long a cell takes, in any unit, for the time to go; by default all take
            as long.
    """

    name: str
    spec: type[Any]
    cells: Callable[[Any], list[Cell]]
    run_cell: Callable[[Any, Cell, Any], xr.Dataset]
    tables: Callable[[xr.DataTree], list[Table]]
    figure: Callable[[xr.DataTree], Figure]
    presets: Presets | None = None
    complete: Callable[[dict[str, Any], Any, Any], dict[str, Any]] | None = None
    settle: Callable[[Any, Any], Any] | None = None
    pilot: Callable[[Any, Any], str] | None = None
    settings: Callable[[Any], dict[str, Any]] = recorded
    divide: Callable[[Cell, xr.Dataset], Groups] | None = None
    reduce: Callable[[Any, Groups], Groups] | None = None
    cost: Callable[[Any, Cell], float] = alike

    def make_spec(
        self, start: str | Mapping[str, Any], dataset: Any, training: Any, /, **changes: Any
    ) -> Any:
        """Return settings from a preset, or from those of a result.

        Args:
            start: name of the preset, ``quick`` or ``paper``; or the settings of a result of this
                study (``read_spec``).
            dataset: the data set; None if the study needs none.
            training: how the model was trained; None if the study needs none.
            changes: settings that differ; one that is None leaves the preset's value.

        Raises:
            UnknownNameError, ArgumentError: for names and values that cannot be.
        """
        check_argument("start", start, str | Mapping)
        check_argument("dataset", dataset, Dataset | None)
        check_argument("training", training, TrainingSpec | Reference | None)
        require(
            training is None or dataset is not None,
            "the settings of a training come with its data set, got None in its place",
        )
        spec: Any = self.spec
        for name, kind in kinds_of(spec).items():
            if changes.get(name) is not None:
                check_value(name, plain(changes[name], kind), kind)
        if isinstance(start, str):
            settings = preset_settings(self.name, start, self.presets)
        else:
            settings = start_from(self.spec, start, changes)
            changes.pop("attack_options", None)  # joined with those of the result
        settings |= {name: value for name, value in changes.items() if value is not None}
        if dataset is not None:
            settings = limited(settings, dataset, asked=changes.get("images") is not None)
        if self.complete is not None:
            settings = self.complete(settings, dataset, training)
        if training is not None:
            settings = with_defaults(self.spec, settings, dataset, training)
        return self.spec(**settings)

    @checked_arguments
    def run(
        self,
        spec: Any,
        subject: Subject | None = None,
        *,
        progress: Progress | None = None,
        store: CellStore | None = None,
        compute: Compute = in_order,
    ) -> xr.DataTree:
        """Run it.

        Args:
            spec: its settings.
            subject: the model and the data; None if it needs neither.
            progress: called before the first cell and after each.
            store: where finished cells are kept; those that it has are not run again.
            compute: where cells are run.

        Returns:
            The result: values, spec and provenance. It depends on spec and subject alone; the
            provenance's times are those of this run, and of kept cells the time that each took.

        Example:
            >>> study = find_study("gaussian-angles")
            >>> spec = study.make_spec("quick", None, None, pairs=20, largest=1.0, step=1.0)
            >>> study.run(spec)["angles"].dataset["angle"].shape
            (2, 2)
        """
        spec = self.settled(spec, subject)
        return run_cells(self, spec, subject, progress=progress, store=store, compute=compute)

    def settled(self, spec: Any, subject: Subject | None) -> Any:
        """Return the spec with what depends on the model itself."""
        check_argument("spec", spec, self.spec)
        return spec if self.settle is None else self.settle(spec, subject)

    def piloted(self, spec: Any, subject: Subject | None) -> str:
        """Return what a pilot chooses before the first cell, in words; empty if none runs."""
        check_argument("spec", spec, self.spec)
        return "" if self.pilot is None else self.pilot(spec, subject)

    def manifest(self, spec: Any, subject: Subject | None = None) -> dict[str, Any]:
        """Return all that decides the result of a run, see :func:`runner.manifest`."""
        return manifest(self, spec, subject)


def find_study(name: str) -> Study:
    """Return a study by its name in ``STUDIES``.

    Raises:
        UnknownNameError: with the nearest name.
    """
    study: Study = resolve({key: entry.home for key, entry in STUDIES.items()}, name, "study")
    return study
