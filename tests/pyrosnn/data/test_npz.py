"""Data in a .npz file: numbers, pictures as others save them, and what is refused."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pyrosnn.data import load_dataset
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import PyrosnnError


def load(folder: Path, **changes: Any) -> Dataset:
    """Save arrays of 6 and 4 images with some changed, and load them."""
    arrays: dict[str, Any] = {
        "x_train": np.linspace(0, 1, 24).reshape(6, 4),
        "y_train": np.arange(6) % 3,
        "x_test": np.linspace(0, 1, 16).reshape(4, 4),
        "y_test": np.arange(4) % 2,
    }
    kept = {name: value for name, value in {**arrays, **changes}.items() if value is not None}
    np.savez(folder / "mine.npz", **kept)
    return load_dataset(str(folder / "mine.npz"))


def test_numbers_stay_as_they_are(tmp_path: Path) -> None:
    data = load(tmp_path)
    assert (data.name, data.image_shape, data.num_classes) == ("mine", (4,), 3)
    assert (data.bounds, data.source) == ((0.0, 1.0), str(tmp_path / "mine.npz"))
    torch.testing.assert_close(data.x_train, torch.linspace(0, 1, 24).view(6, 4))
    assert data.y_test.tolist() == [0, 1, 0, 1]
    assert load(tmp_path, num_classes=5).num_classes == 5
    wide = load(tmp_path, x_test=np.full((4, 4), -3.0), bounds=[-4, 4])
    assert (wide.bounds, float(wide.x_test[0, 0])) == ((-4.0, 4.0), -3.0)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((5, 7), (1, 5, 7)), ((5, 7, 3), (3, 5, 7)), ((3, 5, 7), (3, 5, 7)), ((1, 5, 7), (1, 5, 7))],
)
def test_pictures_of_bytes_are_scaled_and_get_their_channels_first(
    shape: tuple[int, ...], expected: tuple[int, ...], tmp_path: Path
) -> None:
    pictures = np.arange(6 * np.prod(shape)).reshape(6, *shape).astype(np.uint8)
    data = load(tmp_path, x_train=pictures, x_test=pictures[:4])
    assert data.image_shape == expected
    first = pictures[0] if len(shape) == 2 or shape[-1] != 3 else np.moveaxis(pictures[0], -1, 0)
    torch.testing.assert_close(
        data.x_train[0], torch.from_numpy(first.reshape(expected) / 255).float()
    )
    whole = load(tmp_path, x_train=pictures, x_test=pictures[:4], bounds=[0, 255])
    torch.testing.assert_close(whole.x_train, data.x_train * 255)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, r"mine\.npz lacks y_test; write it with numpy\.savez\('mine\.npz', x_"),
        ({"x_test": np.full((4, 4), 2.0)}, r"test: bounds is \(0.0, 1.0\), but 4 of 4 images"),
        ({"x_test": np.full((4, 4), np.nan)}, "test: images must be finite, got NaN"),
        (
            {"x_test": np.zeros((4, 5))},
            r"test: images have shape \(4, 5\), expected \(example, 4\)",
        ),
        ({"x_test": np.zeros((5, 4))}, r"test: labels have shape \(4,\), expected \(5,\)"),
        ({"x_test": np.array([["a"]])}, "images have the type <U1, expected numbers"),
        ({"x_test": np.zeros(0)}, "test: images have shape"),
        ({"x_test": np.float32(1.0)}, "test: images have shape"),
        ({"y_test": np.ones((4, 4))}, "y_test of .* has the type float64, expected integers"),
        ({"y_test": np.eye(4)}, r"is one-hot, of shape \(4, 4\), .*; write y\.argmax\(1\)"),
        ({"y_test": np.eye(4, dtype=int)}, r"y_test of .* is one-hot, of shape \(4, 4\)"),
        ({"y_test": np.arange(4) - 1}, "labels must be in 0 … 2, got -1"),
        ({"num_classes": 2}, "labels must be in 0 … 1, got 2"),
        ({"bounds": [1.0]}, "bounds of .* must be 2 numbers"),
        ({"bounds": ["a", "b"]}, "bounds of .* must be 2 numbers"),
        ({"x_train": np.array([{}, 1], dtype=object)}, r"not a readable \.npz file of numbers"),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
@pytest.mark.usefixtures("as_users_call")
def test_what_is_no_data_set(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(PyrosnnError, match=message):
        load(tmp_path, **changes)


def test_files_that_are_damaged_or_of_another_kind(tmp_path: Path) -> None:
    load(tmp_path)
    path = tmp_path / "mine.npz"
    whole, single = path.read_bytes(), io.BytesIO()
    np.save(single, np.zeros(3))
    for content in (b"", b"PK", whole[:300], whole[:-40], single.getvalue(), b"x" * 900):
        path.write_bytes(content)
        with pytest.raises(PyrosnnError, match=r"not a readable \.npz file of numbers"):
            load_dataset(str(path))
    rng = np.random.default_rng(0)
    for _ in range(100):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            load_dataset(str(path))
        except PyrosnnError:
            continue


def test_images_and_labels_alone_are_a_test_split(tmp_path: Path) -> None:
    path, pictures = tmp_path / "test.npz", np.arange(4 * 35, dtype=np.uint8).reshape(4, 5, 7)
    np.savez(path, images=pictures, labels=[2, 0, 1, 2], class_names=["cat", "dog", "owl"])
    data = load_dataset(path)
    assert (len(data.x_train), data.image_shape, data.num_classes) == (0, (1, 5, 7), 3)
    assert (data.y_test.tolist(), data.class_names) == ([2, 0, 1, 2], ("cat", "dog", "owl"))
    torch.testing.assert_close(data.x_test[:, 0], torch.from_numpy(pictures / 255).float())
    np.savez(path, images=np.zeros((4, 3)), labels=[2, 0, 1, 2], bounds=[-1, 1], num_classes=5)
    assert (load_dataset(path).bounds, load_dataset(path).num_classes) == ((-1.0, 1.0), 5)
    for arrays, message in (
        ({"images": np.zeros((4, 3))}, r"lacks labels; write it with .*images=…, labels=…\)"),
        ({"labels": [1]}, "lacks images; write it"),
        ({"other": [1]}, "lacks x_train, y_train, x_test, y_test; write"),
        (
            {"images": np.zeros((1, 3)), "labels": [1], "class_names": ["a"]},
            "class_names has 1 names for 2 classes; give one for each class, or none",
        ),
        ({"images": np.zeros((1, 3)), "labels": [0], "class_names": [1]}, "expected texts"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(PyrosnnError, match=message):
            load_dataset(path)
