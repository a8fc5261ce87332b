"""Thousands of damaged files for each reader: ``mutations.py '{"result": 1000, "cell": 500}'``.

It runs in a process of its own: a crash of a C library, a hang or a full memory is then an exit
status that the test sees. A file may be read, or refused with an error of pyrosnn; all else fails.
"""

import faulthandler
import gzip
import hashlib
import io
import json
import resource
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
from hypothesis import given, settings
from hypothesis import strategies as st

from pyrosnn.errors import PyrosnnError

# What the reading of a file of some 100 kB may take beyond what the process has at the start.
MEMORY = 2**29
SECONDS = 20  # for one file; a reader needs milliseconds

Read = Callable[[Path], object]


def damage(content: bytes, changes: list[tuple[str, int, int, int]]) -> bytes:
    """Return a file's bytes after changes, each of a kind, at a place."""
    damaged = bytearray(content)
    for kind, place, other, size in changes:
        at, source = place % (len(damaged) + 1), other % (len(damaged) + 1)
        if kind == "flip" and at < len(damaged):
            damaged[at] ^= 1 << (size % 8)
        elif kind == "byte" and at < len(damaged):
            damaged[at] = other % 256
        elif kind == "cut":
            del damaged[at:]
        elif kind == "drop":
            del damaged[at : at + size]
        elif kind == "splice":
            damaged[at : at + size] = damaged[source : source + size]
        elif kind == "number":  # sizes, offsets and counts live in such words
            damaged[at : at + 8] = (2 ** (size % 64) - 1).to_bytes(8, "little")
    return bytes(damaged)


PLACES = st.integers(0, 2**20)
KINDS = st.sampled_from(["flip", "byte", "cut", "drop", "splice", "number"])
CHANGES = st.lists(st.tuples(KINDS, PLACES, PLACES, st.integers(1, 64)), min_size=1, max_size=4)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def any_bytes(content: bytes) -> st.SearchStrategy[bytes]:
    """Return damaged forms of a file."""
    return CHANGES.map(lambda changes: damage(content, changes))


def result_file() -> tuple[bytes, Read]:
    from support.small_result import small_result

    from pyrosnn.results import open_results, save_results

    with tempfile.TemporaryDirectory() as folder:
        sizes = dict.fromkeys(("strength", "attack_samples", "inference_samples", "repeat"), 1)
        save_results(Path(folder) / "a.nc", small_result({**sizes, "example": 2}))
        return (Path(folder) / "a.nc").read_bytes(), open_results


def result() -> tuple[st.SearchStrategy[bytes], Read]:
    content, read = result_file()
    return any_bytes(content), read


def unchecked_result() -> tuple[st.SearchStrategy[bytes], Read]:
    """Return results whose checksum is that of the damaged bytes: HDF5 sees them all."""
    from pyrosnn.storage.netcdf import with_checksum, without_checksum

    content, read = result_file()
    return any_bytes(without_checksum(content)).map(with_checksum), read


def result_settings() -> tuple[st.SearchStrategy[bytes], Read]:
    """Return results with any JSON in their settings."""
    from pyrosnn.storage.netcdf import without_checksum

    content, read = result_file()

    def change(where: str, key: str, value: Any, whole: bool) -> bytes:
        buffer = io.BytesIO(without_checksum(content))
        with h5py.File(buffer, "r+") as file:
            mapping = json.loads(file.attrs[where])
            file.attrs[where] = json.dumps(value if whole else {**mapping, key: value})
        return buffer.getvalue()

    from pyrosnn.results.validation import _SETTINGS

    keys = st.sampled_from(sorted(_SETTINGS))
    return (
        st.builds(change, st.sampled_from(["spec", "provenance"]), keys, JSON, st.booleans()),
        read,
    )


def checkpoint_file() -> tuple[bytes, Read]:
    from pyrosnn.data import load_dataset
    from pyrosnn.models import build_model
    from pyrosnn.training import load_checkpoint, preset, save_checkpoint

    spec = preset("bnn", options={"hidden": (2,)})
    bnn = build_model("bnn", image_shape=(1, 8, 8), num_classes=10, options=spec.options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        save_checkpoint(path, bnn, spec, load_dataset("digits"))
        load_checkpoint(path)  # imports what no damaged file's seconds and memory should pay for
        return path.read_bytes(), load_checkpoint


def checkpoint() -> tuple[st.SearchStrategy[bytes], Read]:
    content, read = checkpoint_file()
    return any_bytes(content), read


def checkpoint_settings() -> tuple[st.SearchStrategy[bytes], Read]:
    """Return checkpoints with any JSON in their header, whose digest is right."""
    from pyrosnn.storage import bundle
    from pyrosnn.storage.kinds import CHECKPOINT

    content, read = checkpoint_file()
    arrays, header = bundle.from_bytes(CHECKPOINT, content)
    options = ["hidden", "activation", "initial_row_scale", "unknown"]

    def change(place: tuple[str, ...], value: Any) -> bytes:
        changed: dict[str, Any] = json.loads(json.dumps(header))
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        return bundle.to_bytes(CHECKPOINT, arrays, changed)

    places: list[tuple[str, ...]] = [(key,) for key in header]
    places += [("spec", key) for key in header["spec"]]
    places += [("spec", "options", key) for key in options]
    return st.builds(change, st.sampled_from(places), JSON | st.lists(st.integers(-1, 9))), read


def training() -> tuple[st.SearchStrategy[bytes], Read]:
    """Return damaged states of a training."""
    from pyrosnn.data import load_dataset
    from pyrosnn.training import TrainingState, load_state, preset, save_state, train

    spec, digits = preset("bnn", options={"hidden": (2,)}, epochs=1), load_dataset("digits")
    states: list[TrainingState] = []
    train(spec, digits, keep=states.append)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        save_state(path, states[0], spec, digits)
        content = path.read_bytes()
    return any_bytes(content), lambda path: load_state(path, spec, digits)


def cell() -> tuple[st.SearchStrategy[bytes], Read]:
    """Return damaged cells of a study."""
    import numpy as np
    import xarray as xr

    from pyrosnn.errors import FileError
    from pyrosnn_studies.cells import Cell
    from pyrosnn_studies.packing import pack
    from pyrosnn_studies.store import SUFFIX, CellStore

    values = xr.Dataset({"cosine": (("example", "what"), np.ones((3, 2)), {"units": "1"})})
    content = pack(values.assign_coords(what=["a", "b"]), 1.5)

    def read(path: Path) -> object:
        with tempfile.TemporaryDirectory() as folder:
            one = Cell(part="evaluation")
            (Path(folder) / f"{one.name}{SUFFIX}").write_bytes(path.read_bytes())
            cell = CellStore(Path(folder)).load(one)
        if cell is None:
            raise FileError("damaged")
        return cell

    return any_bytes(content), read


def manifest() -> tuple[st.SearchStrategy[bytes], Read]:
    """Return damaged manifests of a folder of cells, and any JSON in the place of one."""
    from pyrosnn_studies.resuming import MANIFEST, read_manifest, require_same

    right = {"spec": {"images": 20, "sizes": [1, 2]}, "versions": {"torch": "2.15.0"}}

    def read(path: Path) -> object:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / MANIFEST).write_bytes(path.read_bytes())
            stored = read_manifest(Path(folder))
        assert stored is not None
        require_same(stored, right, "it is")
        return stored

    text = json.dumps(right).encode()
    return any_bytes(text) | JSON.map(lambda value: json.dumps(value).encode()), read


def data_file() -> tuple[st.SearchStrategy[bytes], Read]:
    """Return files of images, plain or compressed, for the same reader."""
    from pyrosnn.data.idx import IdxFile

    known = IdxFile(name="images", shape=(5, 4, 4), sha256="")
    plain = known.header + bytes(range(80))
    known = IdxFile(name="images", shape=(5, 4, 4), sha256=hashlib.sha256(plain).hexdigest())
    packed = gzip.compress(plain)

    def read(path: Path) -> object:
        content = path.read_bytes()
        name = "images.gz" if content[:1] == packed[:1] else "images"
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / name).write_bytes(content)
            values = known.read(Path(folder))
        assert values.flatten().tolist() == list(range(80))  # what passes is the original
        return values

    return any_bytes(plain) | any_bytes(packed), read


SUBJECTS = {
    "result": result,
    "unchecked-result": unchecked_result,
    "result-settings": result_settings,
    "checkpoint": checkpoint,
    "checkpoint-settings": checkpoint_settings,
    "training": training,
    "cell": cell,
    "manifest": manifest,
    "data": data_file,
}


def limit_memory(extra: int) -> None:
    """Let this process have so many bytes more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + extra
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def unlimited_memory() -> None:
    """Take the limit away, for the next kind's first file to be made."""
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def main(kind: str, number: int) -> None:
    """Read so many files; print how many of them were taken and refused."""
    faulthandler.enable()
    files, read = SUBJECTS[kind]()
    counts = {"read": 0, "refused": 0}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged"

        @settings(max_examples=number, derandomize=True, deadline=None, database=None)
        @given(files)
        def read_damaged(content: bytes) -> None:
            path.write_bytes(content)
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            counts["refused"] += 1
            with suppress(PyrosnnError):
                read(path)
                counts["refused"] -= 1
                counts["read"] += 1

        limit_memory(MEMORY)
        read_damaged()
    faulthandler.cancel_dump_traceback_later()
    unlimited_memory()
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    for kind, number in json.loads(sys.argv[1]).items():
        print(f"files of the kind {kind}", file=sys.stderr, flush=True)
        main(kind, number)
