"""Running a study: cell by cell, each kept as soon as it is done, then joined to a result."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from pyrosnn.adapters import Reference
from pyrosnn.data.dataset import Dataset
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import TIME_KEYS, make_result
from pyrosnn.results.provenance import make_provenance, run_provenance
from pyrosnn.sampling import MEMORY_BUDGET
from pyrosnn.training import TrainingSpec
from pyrosnn_studies.cells import Cell, Plan
from pyrosnn_studies.store import CellStore, Finished


@dataclass(frozen=True, kw_only=True)
class Material:
    """What the cells of a study work on.

    Attributes:
        classifier: the classifier.
        dataset: its test split is used.
        memory_budget: bytes that a cell may take; no part of the settings, because no result
            depends on it beyond rounding.
        training: the settings of the classifier's training, which the result records.
    """

    classifier: StochasticClassifier
    dataset: Dataset
    memory_budget: int = MEMORY_BUDGET
    training: TrainingSpec | Reference | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far a run is: given before its first cell, and after each.

    Attributes:
        done: cells that are done, those of an earlier run included.
        kept: cells of an earlier run.
        total: cells of the study.
        text: the cell that was done last; empty before the first.
    """

    done: int
    kept: int
    total: int
    text: str = ""


Progress = Callable[[Step], None]


@dataclass(frozen=True, kw_only=True)
class Task:
    """All that a process needs to run any cell of a study."""

    run_cell: Callable[[Any, Cell, Any], xr.Dataset]
    spec: Any
    material: Material | None

    def __call__(self, cell: Cell) -> Finished:
        """Run a cell and take its time."""
        start = time.monotonic()
        values = self.run_cell(self.spec, cell, self.material)
        return Finished(cell=cell, values=values, seconds=time.monotonic() - start)


# Runs cells in any order and gives each as soon as it is done.
Compute = Callable[[Task, Sequence[Cell]], Iterator[Finished]]


def in_order(task: Task, cells: Sequence[Cell]) -> Iterator[Finished]:
    """Run cells in this process, one after the other."""
    return map(task, cells)


def run_plan(
    study: str,
    plan: Plan,
    spec: Any,
    material: Material | None,
    *,
    progress: Progress | None = None,
    store: CellStore | None = None,
    compute: Compute = in_order,
) -> xr.DataTree:
    """Run a study.

    Args:
        study: its name.
        plan: its cells.
        spec: its settings.
        material: what it works on; None for a study that needs neither model nor data.
        progress: called before the first cell and after each.
        store: where finished cells are kept; those that it has are not run again.
        compute: where cells are run.

    Returns:
        The result: values, spec and provenance. It depends on the arguments up to ``material``
        alone; the provenance's times are those of this run, and of kept cells the time that each
        took.
    """
    start = time.monotonic()
    cells = plan.cells(spec)
    found = {} if store is None else {cell: store.load(cell) for cell in cells}
    done = {cell: kept for cell, kept in found.items() if kept is not None}
    kept, earlier = len(done), sum(cell.seconds for cell in done.values())

    def report(text: str) -> None:
        if progress is not None:
            progress(Step(done=len(done), kept=kept, total=len(cells), text=text))

    report("")
    task = Task(run_cell=plan.run_cell, spec=spec, material=material)
    for finished in compute(task, [cell for cell in cells if cell not in done]):
        if store is not None:
            store.save(finished)
        done[finished.cell] = finished
        report(finished.cell.name)
    groups = plan.join(spec, {cell: done[cell].values for cell in cells})
    (group, values), *others = groups.items()
    return make_result(
        values,
        study=study,
        spec=plan.settings(spec),
        provenance=_provenance(spec, material, time.monotonic() - start + earlier),
        group=group,
        others=dict(others),
    )


def _provenance(spec: Any, material: Material | None, wall_time_s: float) -> dict[str, Any]:
    if material is None:
        return run_provenance(seed=spec.seed, wall_time_s=wall_time_s)
    return make_provenance(
        material.classifier,
        material.dataset,
        training=material.training,
        seed=spec.seed,
        wall_time_s=wall_time_s,
    )


def manifest(study: str, plan: Plan, spec: Any, material: Material | None) -> dict[str, Any]:
    """Return all that decides a result, as its file will have it: cells of one are of no other.

    Settings, model, data, device, threads and versions; not the memory budget, nor where the
    cells are computed.
    """
    provenance = _provenance(spec, material, 0.0)
    return _decisive(study, plan.settings(spec), provenance)


def manifest_of(result: xr.DataTree) -> dict[str, Any]:
    """Return the :func:`manifest` of the run that gave a result."""
    attrs = result.attrs
    return _decisive(attrs["study"], json.loads(attrs["spec"]), json.loads(attrs["provenance"]))


def _decisive(study: str, spec: dict[str, Any], provenance: dict[str, Any]) -> dict[str, Any]:
    said_by_spec = ("seed",)
    decides = {k: v for k, v in provenance.items() if k not in (*TIME_KEYS, *said_by_spec)}
    as_read: dict[str, Any] = json.loads(json.dumps({"study": study, "spec": spec, **decides}))
    return as_read
