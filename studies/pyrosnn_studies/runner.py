"""Running a study: cell by cell, each kept as soon as it is done, then joined to a result."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import xarray as xr

from pyrosnn.results import TIME_KEYS, make_result
from pyrosnn.results.dataset import with_repeat
from pyrosnn.results.provenance import make_provenance, run_provenance
from pyrosnn.results.union import merge_datasets
from pyrosnn.seeding import repeatable
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.store import CellStore, Finished
from pyrosnn_studies.subject import Subject

if TYPE_CHECKING:
    from pyrosnn_studies.study import Study


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far a run is: given before its first cell, and after each.

    Attributes:
        done: cells that are done, those of an earlier run included.
        kept: cells of an earlier run.
        total: cells of the study.
        share: share of the work that is done, by the cells' estimated costs.
        text: the cell that was done last; empty before the first.
    """

    done: int
    kept: int
    total: int
    share: float
    text: str = ""


Progress = Callable[[Step], None]


@dataclass(frozen=True, kw_only=True)
class Task:
    """All that a process needs to run any cell of a study."""

    run_cell: Callable[[Any, Cell, Any], xr.Dataset]
    spec: Any
    subject: Subject | None

    def __call__(self, cell: Cell) -> Finished:
        """Run a cell and take its time."""
        start = time.monotonic()
        with repeatable(exact=True):
            values = self.run_cell(self.spec, cell, self.subject)
        return Finished(cell=cell, values=values, seconds=time.monotonic() - start)


# Runs cells in any order and gives each as soon as it is done.
Compute = Callable[[Task, Sequence[Cell]], Iterator[Finished]]


def in_order(task: Task, cells: Sequence[Cell]) -> Iterator[Finished]:
    """Run cells in this process, one after the other."""
    return map(task, cells)


def run_cells(
    study: "Study",
    spec: Any,
    subject: Subject | None,
    *,
    progress: Progress | None,
    store: CellStore | None,
    compute: Compute,
) -> xr.DataTree:
    """Run a study; see :meth:`pyrosnn_studies.study.Study.run`."""
    start = time.monotonic()
    cells = study.cells(spec)
    kept = [] if store is None else [store.load(cell) for cell in cells]
    done = {finished.cell: finished for finished in kept if finished is not None}
    earlier, seconds = len(done), sum(finished.seconds for finished in done.values())

    costs = {cell: study.cost(spec, cell) for cell in cells}

    def report(text: str) -> None:
        if progress is not None:
            share = sum(costs[cell] for cell in done) / sum(costs.values())
            progress(Step(done=len(done), kept=earlier, total=len(cells), share=share, text=text))

    report("")
    task = Task(run_cell=study.run_cell, spec=spec, subject=subject)
    for finished in compute(task, [cell for cell in cells if cell not in done]):
        if store is not None:
            store.save(finished)
        done[finished.cell] = finished
        report(finished.cell.name)
    groups = joined([part for cell in cells for part in _divided(study, done[cell])])
    if study.reduce is not None:
        groups = study.reduce(spec, groups)
    (group, values), *others = groups.items()
    return make_result(
        values,
        study=study.name,
        spec=study.settings(spec),
        provenance=_provenance(spec, subject, time.monotonic() - start + seconds),
        group=group,
        others=dict(others),
    )


def _divided(study: "Study", finished: Finished) -> list[Finished]:
    """Return a finished cell, or one for each group that its values are of."""
    if study.divide is None:
        return [finished]
    cell = finished.cell
    return [
        replace(finished, values=values)
        if group == cell.group
        else Finished(cell=Cell(part=group, block=cell.block), values=values, seconds=0.0)
        for group, values in study.divide(cell, finished.values).items()
    ]


def joined(cells: Sequence[Finished]) -> Mapping[str, xr.Dataset]:
    """Return the union of finished cells by group, as :func:`merge_results` joins results.

    Raises:
        MergeError: naming a cell that contradicts another, or what no cell has.
    """
    # blocks first, then repeats: a cell in a dimension of its own would take longer to place
    parts: dict[tuple[str, int | None], dict[str, xr.Dataset]] = {}
    for finished in cells:
        cell = finished.cell
        parts.setdefault((cell.group, cell.repeat), {})[f"cell {cell.name}"] = finished.values
    groups: dict[str, dict[str, xr.Dataset]] = {}
    for (group, repeat), blocks in parts.items():
        values = merge_datasets(list(blocks.values()), list(blocks))
        if repeat is not None:
            values = with_repeat(values, repeat)
        groups.setdefault(group, {})[f"{group} of repeat {repeat}"] = values
    return {
        group: merge_datasets(list(repeats.values()), list(repeats))
        for group, repeats in groups.items()
    }


def _provenance(spec: Any, subject: Subject | None, wall_time_s: float) -> dict[str, Any]:
    if subject is None:
        return run_provenance(seed=spec.seed, wall_time_s=wall_time_s)
    return make_provenance(
        subject.classifier,
        subject.dataset,
        training=subject.training,
        seed=spec.seed,
        wall_time_s=wall_time_s,
    )


def manifest(study: "Study", spec: Any, subject: Subject | None) -> dict[str, Any]:
    """Return all that decides a result, as its file will have it: cells of one are of no other.

    Settings, model, data, device, threads and versions; not the memory budget, nor where the
    cells are computed.
    """
    return _decisive(study.name, study.settings(spec), _provenance(spec, subject, 0.0))


def manifest_of(result: xr.DataTree) -> dict[str, Any]:
    """Return the :func:`manifest` of the run that gave a result."""
    attrs = result.attrs
    return _decisive(attrs["study"], json.loads(attrs["spec"]), json.loads(attrs["provenance"]))


def _decisive(study: str, spec: dict[str, Any], provenance: dict[str, Any]) -> dict[str, Any]:
    # by the spec, by the data set's digest, and by the parts that a merged result has
    said_elsewhere = ("seed", "dataset_source", "parts")
    decides = {k: v for k, v in provenance.items() if k not in (*TIME_KEYS, *said_elsewhere)}
    as_read: dict[str, Any] = json.loads(json.dumps({"study": study, "spec": spec, **decides}))
    return as_read
