"""A study's result from its cells: those of an interrupted run, and those that were left."""

from pathlib import Path
from typing import Any

import xarray as xr

from pyrosnn.errors import PyrosnnError
from pyrosnn.results import compact_result, save_results
from pyrosnn_cli.computing import computing
from pyrosnn_cli.options import Running
from pyrosnn_cli.progress import progress_bar
from pyrosnn_cli.show import write_figure
from pyrosnn_studies.resuming import finished_result, open_store
from pyrosnn_studies.runner import Step
from pyrosnn_studies.store import CellStore
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject


def find_result(
    study: Study, spec: Any, subject: Subject | None, output: Path, running: Running
) -> xr.DataTree | None:
    """Return what an earlier run has made whole, with ``--resume``; else None."""
    if not running.resume:
        return None
    decides = study.manifest(spec, subject)
    return finished_result(output, decides, overwrite=running.overwrite)


def make_result(
    study: Study, spec: Any, subject: Subject | None, output: Path, running: Running
) -> xr.DataTree:
    """Run a study, and write its result and figure; with ``--resume`` go on with its cells.

    The cells are removed when both files are whole. An interruption and an error leave them, and
    say how to go on.

    Args:
        study: the study.
        spec: its settings.
        subject: its model and data, if it needs them.
        output: netCDF file; the figure goes beside it as .png.
        running: how it is run.
    """
    decides = study.manifest(spec, subject)
    store = open_store(output, decides, resume=running.resume, overwrite=running.overwrite)
    try:
        result = _run(study, spec, subject, store, running)
        # the figure first: where the result is there, all is
        replace = running.overwrite or running.resume
        write_figure(output.with_suffix(".png"), study.figure(result), overwrite=replace)
        written = compact_result(result) if running.compact else result
        save_results(output, written, overwrite=running.overwrite)
    except (PyrosnnError, KeyboardInterrupt) as error:
        if store.num_cells == 0:
            store.remove()
        else:
            error.add_note(
                f"{store.num_cells} of {len(study.cells(spec))} cells are kept in "
                f"{store.folder}: the same command with --resume goes on"
            )
        raise
    store.remove()
    return result


def _run(
    study: Study, spec: Any, subject: Subject | None, store: CellStore, running: Running
) -> xr.DataTree:
    total = len(study.cells(spec))
    with (
        progress_bar(f"study {study.name}", total, running) as advance,
        computing(running) as compute,
    ):

        def show(step: Step) -> None:
            advance(step.done, step.text)

        return study.run(spec, subject, progress=show, store=store, compute=compute)
