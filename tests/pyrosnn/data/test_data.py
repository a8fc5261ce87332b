"""Data sets as they are: sizes, splits, bounds, and what is refused."""

from dataclasses import replace

import pytest
import torch

from pyrosnn.data import DATASETS, default_data_root, load_dataset
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError


def test_digits_are_split_once_and_for_all(digits: Dataset) -> None:
    assert (len(digits.x_train), len(digits.x_test)) == (1297, 500)
    assert (float(digits.x_train.min()), float(digits.x_train.max())) == digits.bounds
    assert torch.unique(digits.y_test).tolist() == list(range(10))
    images = torch.cat([digits.x_train, digits.x_test]).flatten(1)
    assert len(torch.unique(images, dim=0)) == 1797  # no image in both splits
    assert load_dataset("digits").digest == digits.digest
    assert replace(digits, y_test=digits.y_test.flip(0)).digest != digits.digest


def test_fashion_mnist_is_the_official_one(fashion_mnist: Dataset) -> None:
    assert fashion_mnist.x_train.shape == (60_000, 1, 28, 28)
    assert fashion_mnist.x_test.shape == (10_000, 1, 28, 28)
    assert torch.bincount(fashion_mnist.y_test).tolist() == [1000] * 10
    assert fashion_mnist.y_test[:5].tolist() == [9, 2, 1, 1, 6]
    assert fashion_mnist.y_train[:5].tolist() == [9, 0, 0, 3, 0]
    assert (float(fashion_mnist.x_test.min()), float(fashion_mnist.x_test.max())) == (0.0, 1.0)


def test_the_first_test_images(digits: Dataset) -> None:
    x, y = digits.test_images(7)
    assert torch.equal(x, digits.x_test[:7])
    assert torch.equal(y, digits.y_test[:7])
    with pytest.raises(ArgumentError, match="digits has 500 test images, asked for 501"):
        digits.test_images(501)


def test_names_and_places(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="unknown data set 'fashion'; did you mean"):
        load_dataset("fashion")
    assert set(DATASETS) == {"digits", "fashion-mnist", "cifar10", "cifar100"}
    monkeypatch.setenv("PYROSNN_DATA", "/somewhere")
    assert str(default_data_root()) == "/somewhere"
