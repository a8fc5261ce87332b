"""The cells of an interrupted run: a run resumes its own, and no other's."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from pyrosnn.differences import differences
from pyrosnn.errors import FileError
from pyrosnn.results import open_results
from pyrosnn.storage import atomic_path
from pyrosnn_studies.runner import manifest_of
from pyrosnn_studies.store import CellStore, cells_folder

MANIFEST = "manifest.json"
MOST = 5  # differences that an error names


def open_store(
    output: Path, manifest: Mapping[str, Any], *, resume: bool = False, overwrite: bool = False
) -> CellStore:
    """Make the folder of an output's cells, or resume one that is there.

    Args:
        output: the file that the study will write.
        manifest: all that decides the result.
        resume: resume the cells of an interrupted run, if there are any.
        overwrite: else remove them.

    Raises:
        FileError: if there are cells and neither is set; if they are of another run, naming each
            difference; if the folder's place is taken; or when the disk refuses.
    """
    folder = cells_folder(output)
    store = CellStore(folder)
    there = read_manifest(folder)
    if there is not None and store.num_cells > 0 and resume:
        require_same(there, manifest, f"the cells in {folder} are")
        return store
    if store.num_cells > 0 and not (resume or overwrite):
        raise FileError(
            f"{folder} holds {store.num_cells} cells of an interrupted run; add --resume to "
            "resume it (resume=True in Python), or --overwrite to start a new one"
        )
    if there is None and folder.exists() and any(folder.glob("[!.]*")):
        raise FileError(f"{folder} is in the way, it holds no study's cells; move it away")
    try:
        if folder.exists():
            store.remove()
        folder.mkdir()
    except OSError as error:
        raise FileError(f"cannot make {folder}: {error.strerror or error}") from error
    with atomic_path(folder / MANIFEST) as temporary:
        temporary.write_text(json.dumps(manifest, sort_keys=True, indent=1), encoding="utf-8")
    return store


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a folder of cells, None if there is none.

    Raises:
        FileError: if it is damaged.
    """
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict):
        raise FileError(f"{path} is damaged; remove {folder} and start again")
    return manifest


def finished_result(
    output: Path, manifest: Mapping[str, Any], *, overwrite: bool = False
) -> xr.DataTree | None:
    """Return what an output holds if it is whole: a resumed run has nothing left to do.

    Args:
        output: the file that the study writes.
        manifest: all that decides its result.
        overwrite: an output of another run may be replaced.

    Returns:
        The result; None if there is no output yet, or one that may be replaced.

    Raises:
        FileError: for an output of another run that may not be replaced, naming each difference.
    """
    if not output.exists():
        return None
    folder = cells_folder(output)
    if overwrite and read_manifest(folder) is not None:
        return None  # the run that was interrupted was to replace it
    try:
        result = open_results(output)
    except FileError:
        if overwrite:
            return None
        raise
    there = manifest_of(result)
    if overwrite and there != manifest:
        return None
    _refuse_more(there, manifest, output)
    require_same(there, manifest, f"{output} is")
    if read_manifest(folder) == manifest:
        CellStore(folder).remove()
    return result


# What a study can have more of later, and the setting that says where the rest begins.
LATER = {"repeats": "first_repeat", "images": "first_image"}


def _refuse_more(there: Mapping[str, Any], here: Mapping[str, Any], output: Path) -> None:
    """Say how the rest is run where a finished result is asked for with more repeats or images.

    Raises:
        FileError: naming the commands.
    """
    differing = [name for name, *_ in differences(there, here)]
    for name, first in LATER.items():
        kept, asked = there["spec"].get(name), here["spec"].get(name)
        if differing != [f"spec.{name}"] or kept > asked:
            continue
        begin = there["spec"].get(first, 0) + kept
        if name == "images" and begin % here["spec"].get("block_size", 1):
            continue  # a part begins with a block
        option = f"--{first.replace('_', '-')}"
        rest, whole = (output.with_stem(f"{output.stem}-{part}") for part in ("rest", "all"))
        raise FileError(
            f"{output} has {kept} {name}, asked for {asked}; run the rest with {option} {begin} "
            f"--{name} {asked - kept} --output {rest}, then: pyrosnn merge {output} {rest} "
            f"--output {whole}"
        )


def require_same(there: Mapping[str, Any], here: Mapping[str, Any], what: str) -> None:
    """Refuse what another run made.

    Args:
        there: its manifest.
        here: the manifest of this run.
        what: what it made, and the verb, for the error.

    Raises:
        FileError: naming the first settings that differ, with both values.

    Example:
        >>> require_same({"spec": {"images": 20}}, {"spec": {"images": 30}}, "a.nc is")
        Traceback (most recent call last):
            ...
        pyrosnn.errors.FileError: a.nc is of another run: spec.images is 20 there, 30 here; ...
    """
    lines = [
        f"{name} is {_short(kept)} there, {_short(asked)} here"
        for name, kept, asked in differences(there, here)
    ]
    if len(lines) > MOST + 1:
        lines[MOST:] = [f"and {len(lines) - MOST} more"]
    if lines:
        raise FileError(
            f"{what} of another run: {', '.join(lines)}; repeat its settings, or start "
            "a new run with --overwrite and without --resume"
        )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:36]}..."
