"""A data set: two classes of scikit-learn's digits."""

from dataclasses import replace
from pathlib import Path

from pyrosnn.data import digits
from pyrosnn.data.dataset import Dataset


def zeros_and_ones(root: Path | None) -> Dataset:
    """Return the zeros and ones.

    Args:
        root: folder of the data files; these need none.
    """
    source = digits.load(root)
    train, test = source.y_train < 2, source.y_test < 2
    return replace(
        source,
        name="zeros-and-ones",
        x_train=source.x_train[train],
        y_train=source.y_train[train],
        x_test=source.x_test[test],
        y_test=source.y_test[test],
        num_classes=2,
    )
