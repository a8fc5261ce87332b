"""A folder of images by class: its layouts, its order, its pixels, and what is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pyrosnn.data import is_own_data, load_dataset, short_name
from pyrosnn.data.folder import MAX_PIXELS
from pyrosnn.errors import DataError, PyrosnnError
from pyrosnn.training import preset, train

SHAPE = (5, 7, 3)  # height, width, channel


def picture(path: Path, value: int = 0, shape: tuple[int, ...] = SHAPE, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (np.arange(np.prod(shape)) + value).reshape(shape).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """Two classes, made in another order than that of their names."""
    for number, name in enumerate(("owl/2.png", "owl/10.png", "cat/a.png")):
        picture(tmp_path / "animals" / name, number)
    return tmp_path / "animals"


def test_one_level_is_a_test_split_of_classes_in_order(animals: Path) -> None:
    (animals / ".hidden").mkdir()
    (animals / "cat" / ".DS_Store").touch()
    (animals / "README.txt").touch()
    data = load_dataset(str(animals))
    assert (data.name, data.class_names, data.num_classes) == ("animals", ("cat", "owl"), 2)
    assert (data.image_shape, len(data.x_train), data.y_test.tolist()) == ((3, 5, 7), 0, [1, 1, 0])
    for image, value in zip(data.x_test, (1, 0, 2), strict=True):  # 10.png, 2.png, a.png
        pixels = (np.arange(105) + value).reshape(SHAPE) / 255
        torch.testing.assert_close(image, torch.from_numpy(pixels).permute(2, 0, 1).float())
    assert load_dataset(data.source).digest == data.digest
    with pytest.raises(PyrosnnError, match="animals has no training images, but a test split"):
        train(preset("bnn", epochs=1), data)


def test_the_first_images_are_of_all_classes(tmp_path: Path) -> None:
    """By a hash of class and file name, wherever the folder is: not class by class."""
    for number in range(80):
        picture(tmp_path / "a" / str(number // 20) / f"{number}.png", number, shape=(2, 2, 3))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    first, second = load_dataset(tmp_path / "a"), load_dataset(tmp_path / "b")
    assert set(first.y_test[:20].tolist()) == {0, 1, 2, 3}
    assert torch.equal(first.x_test, second.x_test)
    assert torch.equal((first.x_test[:, 0, 0, 0] * 255).round().long() // 20, first.y_test)


def test_two_levels_are_two_splits_with_the_classes_of_training(animals: Path) -> None:
    home = animals.parent / "split"
    shutil.copytree(animals, home / "train")
    picture(home / "test" / "owl" / "1.png", 9)
    data = load_dataset(home)
    assert (data.y_train.tolist(), data.y_test.tolist()) == ([1, 1, 0], [1])
    picture(home / "test" / "bat" / "1.png")
    with pytest.raises(DataError, match=r"train has no class 'bat', .*test has it"):
        load_dataset(home)


def test_a_folder_is_known_by_a_slash_or_by_being_there(
    animals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(animals.parent)
    assert load_dataset("animals").source == "animals/"
    shutil.copytree(animals, "digits")
    assert load_dataset("digits").num_classes == 10  # a data set's name comes first
    assert load_dataset("digits/").source == "digits/"
    monkeypatch.chdir(animals)
    assert (load_dataset(".").name, short_name(".")) == ("animals", "animals")
    assert not is_own_data("animals")
    with pytest.raises(PyrosnnError, match="there is no folder none; expected images in FOLDER/t"):
        load_dataset("none/")


@pytest.mark.parametrize(
    ("mode", "suffix", "channels"),
    [("L", "png", 1), ("1", "png", 1), ("RGB", "jpg", 3), ("P", "gif", 3), ("RGBA", "png", 3)],
)
def test_grey_stays_grey_and_all_else_is_colour(
    mode: str, suffix: str, channels: int, tmp_path: Path
) -> None:
    picture(tmp_path / "data" / "a" / f"1.{suffix}", mode=mode)
    assert load_dataset(tmp_path / "data").image_shape == (channels, 5, 7)


def test_what_is_no_folder_of_images(animals: Path) -> None:
    """Each fault is put in, named in one sentence, and taken out."""
    clear = Image.new("RGBA", (7, 5), (0, 0, 0, 100))
    deep = Image.fromarray(np.zeros((5, 7), np.uint16))
    large = Image.new("1", (MAX_PIXELS // 4, 5))
    whole = (animals / "owl" / "2.png").read_bytes()
    (animals.parent / "empty").mkdir()
    for name, made, message in (
        ("cat/b.png", b"x", r"b\.png is not a readable image \(.*\); expected one of BMP, GIF, JP"),
        ("cat/b.png", whole[:50], r"b\.png is not a readable image"),
        ("cat/b.png", clear, r"b\.png has transparent pixels; put it on a background"),
        ("cat/b.png", deep, r"b\.png has pixels of mode I;16; expected 8 bits, grey or colour"),
        ("cat/b.png", large, r"b\.png has 16777216 × 5 pixels; scale it down"),
        (
            "owl/b.png",
            Image.new("RGB", (7, 6)),
            r"owl/b\.png has the shape \(3, 6, 7\), the first test image has \(3, 5, 7\)",
        ),
        ("owl/b.png", Image.new("L", (7, 5)), r"owl/b\.png has the shape \(1, 5, 7\)"),
        ("bat", None, r"class 'bat' of .*animals has no images; remove .*animals/bat"),
        ("owl/b.png", None, r"cannot read .*owl/b\.png: it is not a file; expected a picture"),
    ):
        path = animals / name
        if made is None:
            path.mkdir()
        elif isinstance(made, bytes):
            path.write_bytes(made)
        else:
            made.save(path)
        with pytest.raises(PyrosnnError, match=message):
            load_dataset(animals)
        if made is None:
            path.rmdir()
        else:
            path.unlink()
    with pytest.raises(DataError, match="empty has no folders of classes; expected images in"):
        load_dataset(animals.parent / "empty")
    assert len(load_dataset(animals).x_test) == 3


def test_a_link_to_an_image_is_one_and_a_pipe_is_none(animals: Path) -> None:
    import os

    (animals / "cat" / "b.png").symlink_to(animals / "owl" / "2.png")
    assert load_dataset(animals).y_test.tolist() == [1, 1, 0, 0]
    os.mkfifo(animals / "cat" / "c.png")
    with pytest.raises(PyrosnnError, match=r"c\.png: it is not a file; expected a picture"):
        load_dataset(animals)
