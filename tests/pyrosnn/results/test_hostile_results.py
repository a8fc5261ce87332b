"""Results that are made to do harm: refused before they are believed, or take memory."""

import io
import json
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from support.limits import memory
from support.small_result import small_result

from pyrosnn.errors import ArgumentError, FileError
from pyrosnn.results import GROUP, open_results, save_results
from pyrosnn.storage import netcdf
from pyrosnn.storage.netcdf import without_checksum

# What a file of a few hundred kB may take: the bound is FREE_BYTES plus 1,032 times its size.
MEMORY = 2**29
GIB = 2**30


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "a.nc"
    save_results(path, small_result())
    return path.read_bytes()


class Trap:
    """Unpickled, it makes a file: the test sees that it was run."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "a.nc"
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(
        FileError, match=r"is a pickle, as of an older torch\.save; expected a result"
    ):
        open_results(path)
    assert not mark.exists()
    pickle.loads(path.read_bytes())
    assert mark.exists()  # the trap works


def test_a_checkpoint_is_no_result(checkpoint_path: Path) -> None:
    with pytest.raises(FileError, match=r"is a checkpoint, expected a result \(\.nc\)$"):
        open_results(checkpoint_path)


def external_link(file: h5py.File) -> None:
    file["other"] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(file: h5py.File) -> None:
    file[f"{GROUP}/other"] = h5py.SoftLink("/evaluation/cosine")


def external_values(file: h5py.File) -> None:
    file[GROUP].create_dataset("other", (4,), "i1", external=[("/etc/passwd", 0, 4)])


def virtual_values(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.nc", "x", (4,))
    file[GROUP].create_virtual_dataset("other", layout)


def references(file: h5py.File) -> None:
    values = file[GROUP].create_dataset("other", (1,), h5py.ref_dtype)
    values[0] = file.ref


def opaque(file: h5py.File) -> None:
    file[GROUP]["other"] = np.array([b"\x80\x04K\x01."], "V5")


def compound(file: h5py.File) -> None:
    file[GROUP]["other"] = np.zeros(2, [("a", "f4"), ("b", "i4")])


def bytes_of_any_length(file: h5py.File) -> None:
    values = file[GROUP].create_dataset("other", (2,), h5py.vlen_dtype(np.uint8))
    values[0] = np.arange(3)


def foreign_filter(file: h5py.File) -> None:
    file[GROUP].create_dataset("other", data=np.zeros(99), compression="lzf")


def zeros_that_expand(file: h5py.File) -> None:
    # 8 GiB that deflate packs into 8 MiB
    made = file[GROUP].create_dataset("other", (8 * GIB,), "i1", chunks=(GIB // 8,), compression=9)
    made.id.write_direct_chunk((0,), _packed(GIB // 8))


def a_shape_without_end(file: h5py.File) -> None:
    file[GROUP].create_dataset("other", (2**40,), "f8")


def a_chunk_without_end(file: h5py.File) -> None:
    file[GROUP].create_dataset("other", (1,), "i1", maxshape=(None,), chunks=(2**31,))


def one_array_many_times(file: h5py.File) -> None:
    values = file[GROUP].create_dataset("other", data=np.zeros(2**20), compression=9)
    for copy in range(200):
        file[GROUP][f"copy{copy}"] = values


def groups_in_groups(file: h5py.File) -> None:
    file.create_group("/".join([GROUP, *["deep"] * 200]))


def a_group_in_itself(file: h5py.File) -> None:
    file[f"{GROUP}/again"] = file[GROUP]


def a_foreign_attribute(file: h5py.File) -> None:
    file.attrs["other"] = np.zeros(2, [("a", "f4")])


_BOMBS: dict[int, bytes] = {}


def _packed(size: int) -> bytes:
    import zlib

    if size not in _BOMBS:
        packer = zlib.compressobj(9)
        part = bytes(2**24)
        _BOMBS[size] = b"".join(packer.compress(part) for _ in range(size // 2**24))
        _BOMBS[size] += packer.flush()
    return _BOMBS[size]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (external_link, "other is a link to another place"),
        (soft_link, "other is a link to another place"),
        (external_values, "has its values in another file"),
        (virtual_values, "has its values in another file"),
        (references, "has the type object, expected numbers or texts"),
        (opaque, r"has the type \|V5, expected numbers or texts"),
        (compound, "expected numbers or texts"),
        (bytes_of_any_length, "has the type object, expected numbers or texts"),
        (foreign_filter, "other is packed with lzf, expected deflate"),
        (zeros_that_expand, r"take more than [\d,]+ bytes, and the file has"),
        (a_shape_without_end, r"take more than [\d,]+ bytes"),
        (a_chunk_without_end, r"take more than [\d,]+ bytes"),
        (one_array_many_times, r"take more than [\d,]+ bytes"),
        (groups_in_groups, "deep is a Group, expected an array"),
        (a_group_in_itself, "again is a Group, expected an array"),
        (a_foreign_attribute, "the attribute other has the type"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_no_result_holds_is_refused(
    change: Callable[[h5py.File], None], message: str, whole: bytes, tmp_path: Path
) -> None:
    buffer = io.BytesIO(without_checksum(whole))
    with h5py.File(buffer, "r+") as file:
        change(file)
        for name, node in file[GROUP].items() if "link" not in message else ():
            if name.startswith(("other", "copy")) and isinstance(node, h5py.Dataset):
                node.make_scale(name)  # else its dimension would be refused first
    path = tmp_path / "a.nc"
    path.write_bytes(buffer.getvalue())
    start = time.monotonic()
    with memory(MEMORY), pytest.raises(FileError, match=message):
        open_results(path)
    assert time.monotonic() - start < 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "its spec cannot be read"),
        ('{"a": ' * 100_000, "its spec cannot be read"),
        ('{"a": "' + "x" * 2**21 + '"}', "expected at most 1,048,576"),
        ("[1]", "its spec is a list, expected settings by name"),
        ('{"strengths": {"a": 1}}', "its spec has strengths = {'a': 1}"),
        ('{"norm": ["l2"]}', r"its spec has norm = \['l2'\]"),
        ('{"seed": 1' + "0" * 5000 + "}", "its spec cannot be read"),
        ("", "its spec cannot be read"),
    ],
    ids=["lists", "objects", "long", "no-object", "type", "type-of-text", "number", "empty"],
)
def test_settings_that_are_none(text: str, message: str, tmp_path: Path) -> None:
    result = small_result()
    result.attrs["spec"] = text
    (tmp_path / "a.nc").write_bytes(netcdf.to_bytes(result))
    with pytest.raises(FileError, match=message):
        open_results(tmp_path / "a.nc")
    with pytest.raises(ArgumentError, match=f"the result cannot be saved: .*{message}"):
        save_results(tmp_path / "b.nc", result)
    assert not (tmp_path / "b.nc").exists()


def test_every_flipped_bit_is_noticed(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    places = np.linspace(0, len(without_checksum(whole)) - 1, 200).astype(int)
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(place % 8)
        path.write_bytes(damaged)
        with pytest.raises(FileError, match="not those that its checksum was made of"):
            open_results(path)


@pytest.mark.slow
def test_the_reader_reads_what_xarray_reads(whole: bytes, tmp_path: Path) -> None:
    """Also a file of before the checksum, and one with texts as coordinates."""
    root = Path(__file__).parents[3] / "docs"
    files = [tmp_path / "a.nc", tmp_path / "b.nc", *sorted(root.glob("*/*.nc"))[::5]]
    files[0].write_bytes(whole)
    files[1].write_bytes(without_checksum(whole))
    assert len(files) > 6
    for path in files:
        ours = open_results(path)
        with xr.open_datatree(path, engine="h5netcdf") as theirs:
            for name in theirs.children:
                xr.testing.assert_identical(ours[name].to_dataset(), theirs[name].to_dataset())
            assert json.dumps(ours.attrs, default=int) == json.dumps(theirs.attrs, default=int)
