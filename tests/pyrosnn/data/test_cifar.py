"""CIFAR-10 and CIFAR-100 from either official form; damaged and crafted files are refused."""

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torchvision import datasets

from pyrosnn.data import cifar, load_dataset
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import DataError

TRAIN, TEST = 40, 10  # of the small sets made here


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar, "NUM_TRAIN", TRAIN)
    monkeypatch.setattr(cifar, "NUM_TEST", TEST)


def make_binary(root: Path, source: cifar.Source) -> dict[str, npt.NDArray[np.uint8]]:
    """Write random records; return what they hold, by file."""
    generator = np.random.default_rng(0)
    folder = root / source.folder
    folder.mkdir()
    held = {}
    for names, number in ((source.train, TRAIN), (source.test, TEST)):
        for name in names:
            shape = (number // len(names), source.label_bytes + 3072)
            records = generator.integers(0, 256, shape, dtype=np.uint8)
            records[:, source.label_bytes - 1] %= source.num_classes
            (folder / name).write_bytes(records.tobytes())
            held[name] = records
    return held


@pytest.mark.parametrize("source", [cifar.CIFAR10, cifar.CIFAR100], ids=lambda s: s.name)
def test_binary_records_are_labels_and_planes_of_colours(
    source: cifar.Source, tmp_path: Path
) -> None:
    held = make_binary(tmp_path, source)
    data = load_dataset(source.name, tmp_path)
    assert (data.name, data.num_classes, data.image_shape) == (
        source.name,
        source.num_classes,
        (3, 32, 32),
    )
    train = np.concatenate([held[name] for name in source.train])
    test = np.concatenate([held[name] for name in source.test])
    for x, y, records in ((data.x_train, data.y_train, train), (data.x_test, data.y_test, test)):
        assert y.tolist() == records[:, source.label_bytes - 1].tolist()
        assert len(x) == len(records)
        # pixel (row 2, column 5) of the second image: red, green, blue planes of 1,024 bytes
        at = source.label_bytes + 2 * 32 + 5
        expected = [records[1, at + 1024 * colour] / 255 for colour in range(3)]
        assert x[1, :, 2, 5].tolist() == pytest.approx(expected)
    assert x.dtype == torch.float32


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_of_a_wrong_length_is_refused(change: int, tmp_path: Path) -> None:
    held = make_binary(tmp_path, cifar.CIFAR10)
    path = tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin"
    content = held["data_batch_3.bin"].tobytes() + b"x"
    path.write_bytes(content[: len(content) - 1 + change])
    size = 8 * 3073
    with pytest.raises(
        DataError, match=rf"data_batch_3.bin has {size + change} bytes, expected {size}; copy the"
    ):
        load_dataset("cifar10", tmp_path)


def test_a_missing_file_and_a_wrong_label_are_refused(tmp_path: Path) -> None:
    held = make_binary(tmp_path, cifar.CIFAR10)
    folder = tmp_path / "cifar-10-batches-bin"
    records = held["data_batch_2.bin"].copy()
    records[3, 0] = 10
    (folder / "data_batch_2.bin").write_bytes(records.tobytes())
    with pytest.raises(DataError, match=r"data_batch_2.bin has label 10, expected 0 … 9"):
        load_dataset("cifar10", tmp_path)
    (folder / "test_batch.bin").unlink()
    (folder / "data_batch_2.bin").write_bytes(held["data_batch_2.bin"].tobytes())
    with pytest.raises(DataError, match=r"cannot read .*test_batch.bin: No such file"):
        load_dataset("cifar10", tmp_path)


class Crafted:
    """Runs a command when it is unpickled."""

    def __init__(self, witness: Path):
        self.witness = witness

    def __reduce__(self) -> Any:
        return Path.touch, (self.witness,)


def fail(*arguments: Any, **options: Any) -> None:
    raise OSError("there is no network")


def test_a_crafted_pickle_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torchvision compares the MD5 sums of all files before it unpickles one."""
    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", fail)
    witness = tmp_path / "witness"
    for source in (cifar.CIFAR10, cifar.CIFAR100):
        own = getattr(datasets, source.torchvision)
        folder = tmp_path / own.base_folder
        folder.mkdir()
        for name in [*(n for n, _ in own.train_list + own.test_list), own.meta["filename"]]:
            (folder / name).write_bytes(pickle.dumps(Crafted(witness)))
        with pytest.raises(DataError, match=r"missing or damaged below .*there is no network"):
            load_dataset(source.name, tmp_path)
        assert not witness.exists()


def test_torchvisions_form_gives_the_same_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same records in both forms; the pickled ones have sums of their own."""
    binary = tmp_path / "binary"
    binary.mkdir()
    held = make_binary(binary, cifar.CIFAR100)
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()

    def store(name: str, content: Any) -> str:
        (folder / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / name).read_bytes()).hexdigest()

    lists = {
        name: [[name, store(name, {"data": r[:, 2:], "fine_labels": r[:, 1].tolist()})]]
        for name, r in ((name.removesuffix(".bin"), r) for name, r in held.items())
    }
    meta = {"filename": "meta", "key": "fine_label_names"}
    meta["md5"] = store("meta", {"fine_label_names": [str(c) for c in range(100)]})
    monkeypatch.setattr(datasets.CIFAR100, "train_list", lists["train"])
    monkeypatch.setattr(datasets.CIFAR100, "test_list", lists["test"])
    monkeypatch.setattr(datasets.CIFAR100, "meta", meta)
    assert load_dataset("cifar100", tmp_path).digest == load_dataset("cifar100", binary).digest


def test_cifar10_is_the_official_one(cifar10: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cifar10.x_train.shape == (50_000, 3, 32, 32)
    assert torch.bincount(cifar10.y_train).tolist() == [5000] * 10
    assert torch.bincount(cifar10.y_test).tolist() == [1000] * 10
    assert cifar10.y_test[:5].tolist() == [3, 8, 8, 0, 6]
    # the training images' means of red, green and blue, as they are known
    means = cifar10.x_train.mean((0, 2, 3))
    torch.testing.assert_close(means, torch.tensor([0.4914, 0.4822, 0.4465]), atol=1e-4, rtol=0)
    assert replace(cifar10, name="cifar").digest == cifar10.digest
