"""The two formats of files, without what pyrosnn keeps in them."""

import hashlib
import io
import json
from typing import Any

import h5py
import numpy as np
import pytest
import safetensors.numpy
import xarray as xr
from support.limits import memory

from pyrosnn.storage import bundle, netcdf
from pyrosnn.storage.kinds import CELL, HEADERS, TRAINING, kind_of

ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array(True),
    "c": np.zeros((0, 4), dtype=np.int16),
}
HEADER = {"epoch": 3, "about": {"x": [1.5, None]}}


def test_a_bundle_comes_back() -> None:
    content = bundle.to_bytes(CELL, ARRAYS, HEADER)
    assert content == bundle.to_bytes(CELL, ARRAYS, HEADER)
    arrays, header = bundle.from_bytes(CELL, content)
    assert header == HEADER
    assert arrays.keys() == ARRAYS.keys()
    for name, value in ARRAYS.items():
        assert arrays[name].dtype == value.dtype
        np.testing.assert_array_equal(arrays[name], value, strict=True)


@pytest.mark.parametrize("kind", list(HEADERS))
def test_each_kind_is_told_from_the_others(kind: str) -> None:
    content = bundle.to_bytes(kind, ARRAYS, HEADER)
    assert kind_of(content) == kind
    for other in set(HEADERS) - {kind}:
        with pytest.raises(bundle.ForeignError, match=f"^a {kind}$"):
            bundle.from_bytes(other, content)
    with pytest.raises(bundle.ForeignError, match=r"^a result$"):
        bundle.from_bytes(kind, netcdf.to_bytes(xr.DataTree()))
    assert kind_of(safetensors.numpy.save(ARRAYS, {"format": "pt"})) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"[2,3]", b"[3,2]"),
        (b'"F32"', b'"I32"'),
        (b'\\"epoch\\": 3', b'\\"epoch\\": 4'),
        (b'\\"checksum\\"', b'\\"chfcksum\\"'),
        (b'"a":', b'"d":'),
        (np.float32(5).tobytes(), np.float32(4).tobytes()),
    ],
    ids=["shape", "type", "header", "name-of-the-checksum", "name", "value"],
)
def test_all_of_a_bundle_is_in_its_checksum(before: bytes, after: bytes) -> None:
    content = bundle.to_bytes(CELL, ARRAYS, HEADER)
    assert content.count(before) == 1
    with pytest.raises(ValueError, match="not those that its checksum was made of"):
        bundle.from_bytes(CELL, content.replace(before, after))


@pytest.mark.parametrize(("number", "checked"), [(499, False), (500, True)])
def test_arrays_have_a_checksum_of_their_own_from_a_size_on(number: int, checked: bool) -> None:
    """In numbers of 8 bytes: docs/files.md says 4,000 bytes."""
    assert netcdf.FILTERED_BYTES == 4000
    values = xr.Dataset({"a": ("x", np.arange(number, dtype=np.int64))})
    content = netcdf.to_bytes(xr.DataTree.from_dict({"/group": values}))
    with h5py.File(io.BytesIO(content)) as file:
        assert file["group/a"].fletcher32 is checked
        assert (file["group/a"].chunks is not None) is checked
    assert netcdf.from_bytes(content)["group"].to_dataset().identical(values)


def old_bundle(arrays: dict[str, np.ndarray], header: dict[str, Any]) -> bytes:
    """Return a state of a training as it was before there was one checksum."""
    header = {**header, "digest": bundle.values_digest(arrays)}
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()
    text = json.dumps({**header, "header_digest": digest})
    return safetensors.numpy.save(arrays, {HEADERS[TRAINING]: text})


def test_an_older_bundle_is_read_and_checked() -> None:
    content = old_bundle(ARRAYS, HEADER)
    _, header = bundle.from_bytes(TRAINING, content)
    assert header["epoch"] == 3
    values = np.float32(5).tobytes(), np.float32(4).tobytes()
    for before, after in [values, (b'\\"epoch\\": 3', b'\\"epoch\\": 4')]:
        assert content.count(before) == 1
        with pytest.raises(ValueError, match="not those that its checksum was made of"):
            bundle.from_bytes(TRAINING, content.replace(before, after))


def tree() -> xr.DataTree:
    values = xr.Dataset(
        {"x": (("where", "step"), np.arange(6.0).reshape(2, 3), {"units": "1"})},
        coords={
            "where": ["here", "there"],
            "step": [1, 2, 4],
            "seen": ("step", [True, False, True]),
        },
    )
    return xr.DataTree.from_dict({"/values": values})


def test_a_tree_comes_back() -> None:
    made = tree()
    made.attrs = {"title": "a β", "numbers": np.array([1, 2]), "schema_version": 1}
    again = netcdf.from_bytes(netcdf.to_bytes(made))
    xr.testing.assert_identical(again["values"].to_dataset(), made["values"].to_dataset())
    assert not any(value.encoding for value in again["values"].variables.values())
    assert again.attrs.pop("numbers").tolist() == [1, 2]
    assert np.ndim(again.attrs["schema_version"]) == 0
    assert again.attrs == {"title": "a β", "schema_version": 1}


def test_a_file_of_another_program_is_read() -> None:
    """Without a checksum, with texts of fixed length, a scale, and a dimension of no values."""
    buffer = io.BytesIO()
    values = tree()["values"].to_dataset().assign(plain=("else", np.ones(2, dtype=">f4")))
    encoding = {"x": {"dtype": "i2", "scale_factor": 0.5, "_FillValue": -1}}
    values.to_netcdf(buffer, group="values", engine="h5netcdf", encoding=encoding)
    with h5py.File(buffer, "r+") as file:
        file.attrs["title"] = np.bytes_(b"rewritten")
        file["values/x"].attrs["units"] = np.array([b"1"])
    again = netcdf.from_bytes(buffer.getvalue())
    xr.testing.assert_identical(again["values"].to_dataset(), values)
    assert again.attrs == {"title": "rewritten"}


def test_texts_that_all_lie_in_one_place() -> None:
    """The file has one text of 1 MiB, and 10,000 labels that are it."""
    buffer = io.BytesIO(netcdf.without_checksum(netcdf.to_bytes(tree())))
    with h5py.File(buffer, "r+") as file:
        made = file["values"].create_dataset("other", (10_000,), h5py.string_dtype())
        made[0] = "x" * 2**20
        made.make_scale("other")
        place = made.id.get_offset()
    content = bytearray(buffer.getvalue())
    content[place : place + 160_000] = content[place : place + 16] * 10_000
    with (
        memory(2**29),
        pytest.raises(ValueError, match=r"other its arrays take more than [\d,]+ b"),
    ):
        netcdf.from_bytes(bytes(content))
