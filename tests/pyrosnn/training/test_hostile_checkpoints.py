"""Checkpoints and data files that are made to do harm, and code that could be made to."""

import ast
import gzip
import hashlib
import json
import pickle
import time
from pathlib import Path
from typing import Any

import pytest
import safetensors.numpy
from support.limits import memory
from support.small_result import small_result

from pyrosnn.data import load_dataset
from pyrosnn.data.idx import IdxFile
from pyrosnn.errors import DataError, FileError
from pyrosnn.results import save_results
from pyrosnn.storage import bundle
from pyrosnn.storage.kinds import CHECKPOINT, HEADERS
from pyrosnn.training import load_checkpoint

ROOT = Path(__file__).parents[3]
MEMORY = 2**29


class Trap:
    """Unpickled, it makes a file: the test sees that it was run."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


UNPICKLERS = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@pytest.mark.parametrize("folder", ["pyrosnn", "cli", "studies"])
def test_no_code_of_ours_unpickles(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [getattr(node, "module", None), *[alias.name for alias in node.names]]
                modules = {str(name).partition(".")[0] for name in names}
                assert not UNPICKLERS & modules, f"{path}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("torch", "load"), f"{path}:{node.lineno}"
            if isinstance(node, ast.keyword):
                assert node.arg != "allow_pickle", f"{path}:{node.lineno}"


def test_a_pickle_is_not_run_as_a_checkpoint(tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "a.safetensors"
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(FileError, match="is a pickle, as of an older torch"):
        load_checkpoint(path)
    assert not mark.exists()


def test_a_pickle_is_not_run_as_a_data_set(tmp_path: Path) -> None:
    """Also not the one that torchvision would look for first."""
    mark, folder = tmp_path / "ran", tmp_path / "FashionMNIST"
    for place in ("processed", "raw"):
        (folder / place).mkdir(parents=True)
    for name in ("training.pt", "test.pt"):
        (folder / "processed" / name).write_bytes(pickle.dumps(Trap(mark)))
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (folder / "raw" / f"{name}-ubyte").write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(DataError, match=r"bytes that are not the original's"):
        load_dataset("fashion-mnist", tmp_path)
    assert not mark.exists()


PLAIN = IdxFile(name="images", shape=(5, 4, 4), sha256="").header + bytes(range(80))
IMAGES = IdxFile(name="images", shape=(5, 4, 4), sha256=hashlib.sha256(PLAIN).hexdigest())


def test_data_files_plain_and_compressed(tmp_path: Path) -> None:
    (tmp_path / "images.gz").write_bytes(gzip.compress(PLAIN))
    assert IMAGES.read(tmp_path).tolist()[4][3] == [76, 77, 78, 79]
    (tmp_path / "images").write_bytes(PLAIN[:-1] + b"\0")
    with pytest.raises(DataError, match="96 bytes that are not the original's"):
        IMAGES.read(tmp_path)
    (tmp_path / "images").write_bytes(PLAIN + b"\0")
    with pytest.raises(DataError, match="it has 97 bytes, and a data file has at most 96"):
        IMAGES.read(tmp_path)


def test_a_compressed_file_that_expands_without_end(tmp_path: Path) -> None:
    bomb = IdxFile(name="images", shape=(2**20, 4, 4), sha256="0" * 64)
    packed = gzip.compress(bytes(2**22), 9)
    (tmp_path / "images.gz").write_bytes(packed * 2**10)  # 4 GiB of 4 MiB, and a limit of 16 MiB
    with memory(MEMORY), pytest.raises(DataError, match="not the original's"):
        bomb.read(tmp_path)


@pytest.fixture(scope="module")
def whole(checkpoint_path: Path) -> bytes:
    return checkpoint_path.read_bytes()


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("options", {"hidden": [10**9, 10**9]}, "has the shape"),
        ("options", {"hidden": [1] * 20_000}, "more layers than it has parameters for"),
        ("options", {"hidden": [16, 16, 16]}, "column_log_scales.2 has the shape"),
        ("options", {"hidden": "sixteen"}, "is a damaged checkpoint"),
        ("options", [], "is a damaged checkpoint"),
        ("model", "sin", "sin has no option"),
        ("model", "os:system", "unknown model 'os:system'"),
        ("epochs", "many", "is a damaged checkpoint"),
    ],
)
def test_settings_that_do_not_fit(
    place: str, value: Any, message: str, whole: bytes, tmp_path: Path
) -> None:
    arrays, header = bundle.from_bytes(CHECKPOINT, whole)
    header["spec"][place] = value
    path = tmp_path / "a.safetensors"
    path.write_bytes(bundle.to_bytes(CHECKPOINT, arrays, header))
    start = time.monotonic()
    with memory(MEMORY), pytest.raises(FileError, match=message):
        load_checkpoint(path)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ((2**62).to_bytes(8, "little") + b"{}", r"its index would have [\d,]+ bytes"),
        ((2**24).to_bytes(8, "little") + b" " * 2**24, "is no checkpoint of pyrosnn"),
        ((100_000).to_bytes(8, "little") + b"[" * 100_000, "is no checkpoint of pyrosnn"),
    ],
    ids=["beyond-the-end", "long", "nested"],
)
def test_an_index_that_is_none(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    with memory(MEMORY), pytest.raises(FileError, match=message):
        load_checkpoint(tmp_path / "a")


def test_a_result_is_no_checkpoint(tmp_path: Path) -> None:
    save_results(tmp_path / "a.nc", small_result())
    message = r"a\.nc is a result, expected a checkpoint or package\.module:function$"
    with pytest.raises(FileError, match=message):
        load_checkpoint(tmp_path / "a.nc")


def test_headers_nested_or_long(whole: bytes, tmp_path: Path) -> None:
    arrays, _ = bundle.from_bytes(CHECKPOINT, whole)
    for text in ('{"a": ' * 9000, "[" * 60_000, '"' + "x" * 2**17 + '"'):
        (tmp_path / "a").write_bytes(safetensors.numpy.save(arrays, {HEADERS[CHECKPOINT]: text}))
        with pytest.raises(FileError, match="is not a readable checkpoint"):
            load_checkpoint(tmp_path / "a")


def test_a_flipped_bit_of_the_header_is_noticed(whole: bytes, tmp_path: Path) -> None:
    assert json.dumps("test_accuracy").encode()[1:-1] in whole
    damaged = whole.replace(rb"test_accuracy\": 0.9", rb"test_accuracy\": 0.8")
    assert damaged != whole
    (tmp_path / "a").write_bytes(damaged)
    with pytest.raises(FileError, match="not those that its checksum was made of"):
        load_checkpoint(tmp_path / "a")
