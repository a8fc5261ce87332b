"""Result files: whole, readable by others, refused when damaged."""

import json
import shutil
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import arviz
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from support.studies import run_study

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import FileError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import (
    DIMS,
    GROUP,
    TIME_KEYS,
    VARIABLES,
    open_results,
    read_provenance,
    read_spec,
    save_results,
)
from pyrosnn.training import TrainingSpec
from pyrosnn_studies.grid import GridSpec

SPEC = GridSpec(
    images=23,
    strengths=(0.0, 0.5),
    attack_samples=(1, 4),
    inference_samples=(6,),
    repeats=2,
    block_size=10,
)


@pytest.fixture(scope="module")
def result(
    bnn: StochasticClassifier, digits: Dataset, specs: dict[str, TrainingSpec]
) -> xr.DataTree:
    return run_study("sample-size", SPEC, bnn, digits, training=specs["bnn"])


@pytest.fixture(scope="module")
def result_path(result: xr.DataTree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("result") / "result.nc"
    save_results(path, result)
    return path


def test_the_round_trip_is_lossless(result: xr.DataTree, result_path: Path) -> None:
    opened = open_results(result_path)
    xr.testing.assert_identical(opened[GROUP].dataset, result[GROUP].dataset)
    assert opened.attrs.keys() == result.attrs.keys()
    assert read_spec(opened) == json.loads(result.attrs["spec"])


def test_everything_that_decides_the_numbers_is_recorded(result_path: Path) -> None:
    opened = open_results(result_path)
    spec, provenance = read_spec(opened), read_provenance(opened)
    assert spec["strengths"] == [0.0, 0.5]
    assert (spec["clip"], spec["gradient"], spec["seed"]) == (False, "mean_prediction", 0)
    assert provenance["training"]["kl_weight"] == 1.0
    assert (provenance["output"], provenance["bounds"]) == ("probs", [0.0, 1.0])
    for key in ("model_digest", "dataset_digest", "versions", "threads", "device", "per_example"):
        assert provenance[key] not in (None, ""), key


def test_dimensions_and_units_are_labelled(result: xr.DataTree) -> None:
    values = result[GROUP].dataset
    assert dict(values.sizes) == {
        "repeat": 2,
        "example": 23,
        "strength": 2,
        "attack_samples": 2,
        "inference_samples": 1,
    }
    for name, array in values.variables.items():
        assert array.attrs["long_name"], name
        assert array.attrs["units"], name
        assert list(array.dims) == [dim for dim in DIMS if dim in array.dims]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_file(
    result: xr.DataTree,
    bnn: StochasticClassifier,
    digits: Dataset,
    specs: dict[str, TrainingSpec],
) -> None:
    again = run_study("sample-size", SPEC, bnn, digits, training=specs["bnn"])
    xr.testing.assert_identical(again[GROUP].dataset, result[GROUP].dataset)
    first, second = read_provenance(result), read_provenance(again)
    assert {k: v for k, v in first.items() if k not in TIME_KEYS} == {
        k: v for k, v in second.items() if k not in TIME_KEYS
    }
    other = run_study("sample-size", replace(SPEC, seed=1), bnn, digits, training=specs["bnn"])
    assert not other[GROUP].dataset["cosine"].equals(result[GROUP].dataset["cosine"])


@pytest.mark.slow
def test_files_are_the_same_byte_for_byte_but_for_times(
    result: xr.DataTree,
    bnn: StochasticClassifier,
    digits: Dataset,
    specs: dict[str, TrainingSpec],
    tmp_path: Path,
) -> None:
    again = run_study("sample-size", SPEC, bnn, digits, training=specs["bnn"])
    times = {key: value for key, value in read_provenance(result).items() if key in TIME_KEYS}
    again.attrs["provenance"] = json.dumps({**read_provenance(again), **times}, sort_keys=True)
    save_results(tmp_path / "a.nc", result)
    save_results(tmp_path / "b.nc", again)
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


@pytest.mark.slow
def test_another_memory_budget_agrees_to_float32(
    result: xr.DataTree, bnn: StochasticClassifier, digits: Dataset
) -> None:
    again = run_study("sample-size", SPEC, bnn, digits, memory_budget=1)
    before, after = result[GROUP].dataset, again[GROUP].dataset
    for name in ("cosine", "margin", "gradient_norm"):
        xr.testing.assert_allclose(after[name], before[name], rtol=1e-3, atol=1e-4)


def test_xarray_and_arviz_open_the_file(result_path: Path) -> None:
    with xr.open_datatree(result_path) as tree:
        assert list(tree.children) == [GROUP]
    data = arviz.from_netcdf(result_path)
    assert data[GROUP]["cosine"].sizes["example"] == 23


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("ncdump") is None, reason="ncdump is not installed (netcdf-bin)")
def test_ncdump_opens_the_file(result_path: Path) -> None:
    header = subprocess.run(
        ["ncdump", "-h", str(result_path)], capture_output=True, text=True, check=True
    ).stdout
    assert "group: evaluation" in header
    assert 'cosine:units = "1"' in header


@pytest.mark.slow
def test_an_existing_file_is_kept(result: xr.DataTree, result_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "copy.nc"
    path.write_bytes(b"precious")
    with pytest.raises(FileError, match="exists; add --overwrite"):
        save_results(path, result)
    assert path.read_bytes() == b"precious"
    save_results(path, result, overwrite=True)
    assert len(open_results(path).children) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["copy.nc"]  # no temporary file is left


def test_a_failed_write_leaves_nothing(
    result: xr.DataTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(FileError, match="No space left on device"):
        save_results(tmp_path / "a.nc", result)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_bad_places_are_refused(result: xr.DataTree, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="it is a directory; name a file in it"):
        save_results(tmp_path, result)
    with pytest.raises(FileError, match="there is no folder"):
        save_results(tmp_path / "nowhere" / "a.nc", result)
    if Path("/proc").is_dir():  # a folder that even root cannot write to
        with pytest.raises(FileError, match=r"cannot write /proc/a\.nc: "):
            save_results(Path("/proc/a.nc"), result)


def test_damaged_and_foreign_files_are_refused(result_path: Path, tmp_path: Path) -> None:
    whole = result_path.read_bytes()
    foreign = tmp_path / "foreign.nc"
    xr.Dataset({"a": ("x", [1, 2])}).to_netcdf(foreign, engine="h5netcdf")
    newer = tmp_path / "newer.nc"
    tree = open_results(result_path)
    tree.attrs["schema_version"] = 99
    tree.to_netcdf(newer, engine="h5netcdf")
    cases = {
        "missing.nc": (None, "there is no result file"),
        "empty.nc": (b"", "is an empty file; expected a result"),
        "text.nc": (b"hello", "is no netCDF-4 file; expected a result"),
        "truncated.nc": (whole[: len(whole) // 2], "is not a readable netCDF file"),
        "classic.nc": (b"CDF\x01", r"is a netCDF-3 file; expected a result \(\.nc, netCDF-4\)"),
        "foreign.nc": (foreign.read_bytes(), "is a netCDF file, but not a result of pyrosnn"),
        "newer.nc": (newer.read_bytes(), "has result schema 99, this pyrosnn reads 1"),
    }
    for name, (content, message) in cases.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(FileError, match=message):
            open_results(path)
    with pytest.raises(FileError, match="it is not a file"):
        open_results(tmp_path)


@pytest.mark.slow
@settings(max_examples=100)
@given(st.data())
def test_flipped_bytes_never_escape_as_another_error(
    result_path: Path, data: st.DataObject
) -> None:
    """A damaged file opens, with whatever values it then holds, or is refused by us."""
    content = bytearray(result_path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = result_path.with_name("flipped.nc")
    path.write_bytes(content)
    with suppress(FileError):
        opened = open_results(path)
        assert set(opened[GROUP].dataset.data_vars) <= set(VARIABLES)
