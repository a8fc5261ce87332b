"""Results that other programs wrote again: read as they are, and never called truncated."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from support.small_result import small_result

from pyrosnn.errors import FileError
from pyrosnn.results import GROUP, open_results, save_results
from pyrosnn.storage import netcdf


@pytest.fixture(scope="module")
def whole() -> bytes:
    return netcdf.to_bytes(small_result())


def rewritten(whole: bytes, change: Callable[[h5py.File], None], folder: Path) -> Path:
    """Return a file of the same values that HDF5 has changed in place, as other programs do."""
    buffer = io.BytesIO(whole)
    with h5py.File(buffer, "r+") as file:
        change(file)
    path = folder / "a.nc"
    path.write_bytes(buffer.getvalue())
    return path


def filters_of_netcdf4(file: h5py.File) -> None:
    """Pack as the netCDF library does what xarray has read: fletcher32, shuffle, deflate."""
    for name, node in list(file[GROUP].items()):
        if node.dtype.kind in "iuf" and not node.is_scale:
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_chunk(node.shape)
            plist.set_fletcher32()
            plist.set_shuffle()
            plist.set_deflate(4)
            space = h5py.h5s.create_simple(node.shape)
            made = h5py.h5d.create(node.parent.id, b"other", node.id.get_type(), space, plist)
            copy = h5py.Dataset(made)
            copy[...] = node[...]
            for key in node.attrs:
                if key != "DIMENSION_LIST":
                    copy.attrs[key] = node.attrs[key]
            for place, dim in enumerate(node.dims):
                copy.dims[place].attach_scale(dim[0])
            del file[GROUP][name]
            file.move(f"{GROUP}/other", f"{GROUP}/{name}")


def characters(file: h5py.File) -> None:
    """Add texts as netCDF-3 had them: an axis of characters."""
    size = len(file[GROUP]["example"])
    length = file[GROUP].create_dataset("string5", data=np.zeros(5, "f4"))
    length.make_scale("This is a netCDF dimension but not a netCDF variable")
    texts = np.array([list(f"{place}.png") for place in range(size)], "S1")
    made = file[GROUP].create_dataset("source", data=texts)
    made.dims[0].attach_scale(file[GROUP]["example"])
    made.dims[1].attach_scale(length)
    made.attrs["_Encoding"] = "utf-8"


def dimensions_of_the_whole(file: h5py.File) -> None:
    """Add an array of the group along a dimension of the whole file, and one beside the group."""
    scale = file.create_dataset("where", data=np.arange(3))
    scale.make_scale("where")
    for place in (file, file[GROUP]):
        made = place.create_dataset("seen", data=np.ones(3, "i1"))
        made.dims[0].attach_scale(scale)


def unlimited(file: h5py.File) -> None:
    texts = file[GROUP].create_dataset(
        "source", (5,), h5py.string_dtype(), maxshape=(None,), chunks=(2,)
    )
    texts[...] = [f"{place}.png" for place in range(5)]
    texts.dims[0].attach_scale(file[GROUP]["example"])


def attributes(file: h5py.File) -> None:
    """Add attributes of every form; 400 texts are no 400 times the whole file."""
    file.attrs["note"] = np.bytes_(b"mine")
    file.attrs["numbers"] = np.array([1.5, 2.5], ">f4")
    for place in range(400):
        file[GROUP].attrs[f"a{place}"] = ["t" * place, "u"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "added"),
    [
        (filters_of_netcdf4, None),
        (characters, ("source", "4.png")),
        (dimensions_of_the_whole, ("seen", 1)),
        (unlimited, ("source", "4.png")),
        (attributes, None),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_file_that_was_changed_is_read(
    change: Callable[[h5py.File], None],
    added: tuple[str, object] | None,
    whole: bytes,
    tmp_path: Path,
) -> None:
    opened = open_results(rewritten(whole, change, tmp_path))
    values, expected = opened[GROUP].to_dataset(), small_result()[GROUP].to_dataset()
    assert set(expected.variables) <= set(values.variables)
    for name, variable in expected.variables.items():
        xr.testing.assert_equal(values.variables[name], variable)
    if added is not None:
        assert values[added[0]].values[-1] == added[1]
    save_results(tmp_path / "b.nc", opened)


def complex_type(file: h5py.File) -> None:
    file[GROUP]["kind"] = np.dtype("c8")


def without_dimensions(file: h5py.File) -> None:
    file[GROUP]["plain"] = np.zeros(3)


def two_dimensions_of_one_name(file: h5py.File) -> None:
    made = file[GROUP].create_dataset("plane", data=np.zeros((2, 2)))
    made.make_scale("plane")


def scale_offset(file: h5py.File) -> None:
    made = file[GROUP].create_dataset("other", data=np.zeros(9), chunks=(9,), scaleoffset=2)
    made.make_scale("other")


def a_group_below(file: h5py.File) -> None:
    file.create_group(f"{GROUP}/below")


def encoding_of_nothing(file: h5py.File) -> None:
    file[GROUP]["cosine"].attrs["scale_factor"] = "two"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (complex_type, "kind is a Datatype, expected an array"),
        (without_dimensions, "plain does not name its dimensions, as arrays of netCDF do"),
        (two_dimensions_of_one_name, "plane has 2 dimensions, and the name of one"),
        (scale_offset, r"other is packed with scale-offset, expected deflate \(zlib\)"),
        (a_group_below, "below is a Group, expected an array"),
        (encoding_of_nothing, "could not convert|ufunc|scale_factor|dtype"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_whole_is_not_called_truncated(
    change: Callable[[h5py.File], None], message: str, whole: bytes, tmp_path: Path
) -> None:
    path = rewritten(whole, change, tmp_path)
    with pytest.raises(FileError, match=f"holds what no result may: .*({message}).*; write") as no:
        open_results(path)
    assert "truncated" not in str(no.value)


def test_damage_is_told_from_a_missing_end(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    path.write_bytes(whole[:-1000])
    with pytest.raises(FileError, match="it may be truncated: run the study or copy it again"):
        open_results(path)
    path.write_bytes(whole.replace(b"evaluation", b"evaluatiom"))
    with pytest.raises(FileError, match=r"checksum was made of\); it is damaged: run the study or"):
        open_results(path)


@pytest.mark.parametrize("engine", ["netcdf4", "h5netcdf"])
def test_xarray_rewrites_a_result(engine: str, whole: bytes, tmp_path: Path) -> None:
    if engine == "netcdf4":
        pytest.importorskip("netCDF4")
    (tmp_path / "a.nc").write_bytes(whole)
    with xr.open_datatree(tmp_path / "a.nc", engine=engine) as tree:
        tree.load()
    tree.attrs["note"] = "mine"
    names = [f"{place}.png" for place in range(5)]
    tree[GROUP] = xr.DataTree(tree[GROUP].to_dataset().assign(source=("example", names)))
    write: Any = tree.to_netcdf
    write(tmp_path / "b.nc", engine=engine)
    opened = open_results(tmp_path / "b.nc")
    assert opened.attrs["note"] == "mine"
    assert opened[GROUP].dataset["source"].values.tolist() == names
    again = opened[GROUP].to_dataset().drop_vars("source")
    xr.testing.assert_equal(again, small_result()[GROUP].to_dataset())
