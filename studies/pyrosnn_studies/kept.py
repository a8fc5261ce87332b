"""A study run into a file: its result and its figure, and the cells of an interrupted run."""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from pyrosnn.errors import FileError, PyrosnnError, PyrosnnWarning, first_line, require
from pyrosnn.plots.drawing import draw_png
from pyrosnn.results import compact_result, open_results, read_spec, save_results
from pyrosnn.storage import check_writable, write_whole
from pyrosnn_studies.resuming import finished_result, open_store
from pyrosnn_studies.runner import Compute, Progress
from pyrosnn_studies.store import cells_folder
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """What happens to existing files, and the form of the result.

    Attributes:
        overwrite: replace existing files.
        resume: resume an interrupted run, or start a new one.
        compact: write a smaller file, see :func:`~pyrosnn.results.compact_result`.
    """

    overwrite: bool = False
    resume: bool = False
    compact: bool = False


def figure_of(output: Path) -> Path:
    """Return where the figure of a result goes.

    Example:
        >>> figure_of(Path("a.nc")).name
        'a.png'
    """
    return output.with_suffix(".png")


def check_places(output: Path, keeping: Keeping) -> None:
    """Refuse an output that could not be written later, or that exists and is to be kept.

    Raises:
        FileError: naming the file and the next step.
    """
    replace = keeping.overwrite or keeping.resume  # which looks into the file
    check_writable(output, overwrite=replace)
    check_writable(figure_of(output), overwrite=replace)
    folder = cells_folder(output)
    if not replace and any(folder.glob("*.cell")):
        raise FileError(
            f"{folder} holds cells of an interrupted run; add --resume to resume it, or "
            "--overwrite to start a new one"
        )


def settings_like(like: Path, study: Study) -> dict[str, Any]:
    """Return the settings of a result of a study, for its ``make_spec``.

    Raises:
        ArgumentError: for a result of another study.
    """
    result = open_results(like)
    require(
        result.attrs["study"] == study.name,
        f"{like} belongs to study {result.attrs['study']}; --like expects a result of {study.name}",
    )
    return read_spec(result)


def run_kept(
    study: Study,
    spec: Any,
    subject: Subject | None,
    output: Path,
    keeping: Keeping,
    *,
    running: Callable[[], AbstractContextManager[tuple[Progress, Compute]]],
) -> tuple[xr.DataTree, bool]:
    """Run a study, and write its result and figure; with ``resume``, run the cells that are left.

    The cells are removed when both files are whole. An interruption and an error leave them, and
    say how to resume. The caller has locked the files.

    Args:
        study: the study.
        spec: its settings.
        subject: its model and data, if it needs them.
        output: netCDF file; the figure goes beside it as .png.
        keeping: what happens to existing files.
        running: gives what shows the progress and what runs the cells, for a ``with`` block.

    Returns:
        The result, and whether it was there already. A figure that cannot be drawn costs neither:
        it is left out, after a warning.
    """
    spec = study.settled(spec, subject)
    decides = study.manifest(spec, subject)
    if keeping.resume:
        result = finished_result(output, decides, overwrite=keeping.overwrite)
        if result is not None:
            return result, True
    store = open_store(output, decides, resume=keeping.resume, overwrite=keeping.overwrite)
    try:
        with running() as (progress, compute):
            result = study.run(spec, subject, progress=progress, store=store, compute=compute)
        # the figure first: where the result is there, all is
        _save_figure(study, result, figure_of(output), keeping)
        written = compact_result(result) if keeping.compact else result
        save_results(output, written, overwrite=keeping.overwrite)
    except (PyrosnnError, KeyboardInterrupt) as error:
        if store.num_cells == 0:
            store.remove()
        else:
            error.add_note(
                f"{store.num_cells} of {len(study.cells(spec))} cells are kept in "
                f"{store.folder}: the same command with --resume continues"
            )
        raise
    store.remove()
    return result, False


def _save_figure(study: Study, result: xr.DataTree, path: Path, keeping: Keeping) -> None:
    """Write a study's figure, or none where it cannot be drawn."""
    try:
        content = draw_png(lambda: study.figure(result))
    except MemoryError:
        raise
    except Exception as error:  # the numbers took hours, and are right without it
        path.unlink(missing_ok=True)  # of another result
        warnings.warn(
            f"there is no figure {path} ({first_line(error)}); pyrosnn plot draws it later",
            PyrosnnWarning,
            stacklevel=3,
        )
        return
    write_whole(path, content, overwrite=keeping.overwrite or keeping.resume)
