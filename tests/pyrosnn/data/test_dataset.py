"""A data set of one's own: arrays are converted, and what cannot be right is refused in words."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, PyrosnnWarning


@pytest.mark.usefixtures("as_users_call")
def test_a_dataset_takes_arrays_and_lists(digits: Dataset) -> None:
    arrays: dict[str, Any] = {
        "x_train": digits.x_train.double().numpy(),
        "y_train": digits.y_train.numpy().astype("int32"),
        "x_test": digits.x_test.numpy(),
        "y_test": digits.y_test.tolist(),
    }
    made = Dataset(name="arrays", num_classes=10, **arrays)
    assert made.digest == digits.digest


@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"x": lambda x: x.permute(0, 2, 3, 1)},
            "mine, train: images have shape (20, 8, 8, 1), expected (example, channel, height, "
            "width); channels come first: x.permute(0, 3, 1, 2), of an array x.transpose(0, 3, 1, "
            "2)",
        ),
        (
            {"x": lambda x: np.zeros((len(x), 32, 20, 3))},
            "mine, train: images have shape (20, 32, 20, 3), expected (example, channel, h",
        ),
        (
            {"x": lambda x: (255 * x).byte()},
            "mine, train: images have dtype torch.uint8, expected torch.float32; convert them "
            "(x.to(torch.float32), of an array x.astype('float32')), and divide by 255 if the "
            "pixels go to 255",
        ),
        ({"x": lambda x: (255 * x).byte().numpy()}, "images have dtype torch.uint8"),
        ({"x": lambda x: (16 * x).int()}, "images have dtype torch.int32, expected torch.float32"),
        (
            {"x": lambda x: 255 * x},
            "pixels go from 0 to 255); divide them by 255, or give the bounds of these pixels",
        ),
        ({"x": lambda x: x - 0.5}, "pixels go from -0.5 to 0.5); give the bounds of these pixels"),
        ({"x": lambda x: x / 0}, "mine, train: images must be finite, got NaN or infinity in 20"),
        ({"x": lambda x: "folder/"}, "x_train must be a tensor, an array or a list, got 'folder/'"),
        (
            {"y": lambda y: y + 1},
            "mine, train: labels must be in 0 … 9, got 10; labels begin at 0: use y - 1",
        ),
        ({"y": lambda y: y - 1}, "mine, train: labels must be in 0 … 9, got -1"),
        (
            {"y": lambda y: torch.nn.functional.one_hot(y, 10)},
            "labels have shape (20, 10), expected (20,): one for each image; use y.argmax(1)",
        ),
        ({"y": lambda y: y[:, None].numpy()}, "labels have shape (20, 1), expected (20,): one for"),
        ({"y": lambda y: y.int()}, "labels have dtype torch.int32, expected int64; use y.long()"),
        ({"y": lambda y: y.double().numpy()}, "labels have dtype torch.float64, expected int64"),
        ({"y": lambda y: list("cat")}, "y_train hold something else than numbers"),
        ({"y": lambda y: None}, "y_train must be a tensor, an array or a list, got None"),
        ({"y": lambda y: y[:3]}, "labels have shape (3,), expected (20,): one for each image"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_dataset_refuses_what_cannot_be_right(
    changed: dict[str, Any], message: str, digits: Dataset
) -> None:
    x, y = digits.x_train[:20], torch.arange(20) % 10
    wrong = {name: changed.get(name, lambda as_is: as_is)(of) for name, of in (("x", x), ("y", y))}
    with pytest.raises(ArgumentError, match=re.escape(message)):
        Dataset(
            name="mine",
            x_train=wrong["x"], y_train=wrong["y"], x_test=wrong["x"], y_test=wrong["y"],
            num_classes=10,
        )  # fmt: skip


def test_labels_that_may_begin_at_1_are_said() -> None:
    x, y = torch.zeros(9, 1, 4, 4), torch.arange(9) % 3

    def make(labels: torch.Tensor) -> Dataset:
        return Dataset(name="m", x_train=x, y_train=labels, x_test=x, y_test=labels, num_classes=4)

    with pytest.warns(PyrosnnWarning, match=r"if its labels begin at 1, give y - 1 and num_cl"):
        make(y + 1)
    make(y)  # class 3 alone has no image
    make(y.clamp(min=1))  # a few images, not of all classes


def test_time_series_are_no_pictures_with_channels_last() -> None:
    for shape in ((9, 128, 1), (3, 3, 3), (1, 1, 1), (4, 20, 3), (8, 8, 8)):
        x, y = torch.zeros(2, *shape), torch.zeros(2).long()
        made = Dataset(name="m", x_train=x, y_train=y, x_test=x, y_test=y, num_classes=2)
        assert made.image_shape == shape
