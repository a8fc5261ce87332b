"""`digits`: 1,797 scans of handwritten digits, 8 x 8 pixels, that come with scikit-learn."""

from pathlib import Path

import numpy as np
import torch

from pyrosnn.data.dataset import Dataset

NUM_TEST = 500


def load(root: Path | None) -> Dataset:
    """Return the embedded digits, scaled to [0, 1]; ``root`` is not needed.

    The source has no split and is ordered by writer, so a fixed permutation (numpy's
    ``default_rng(0)``) gives 1,297 training and 500 test images, always the same.

    References:
        E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """
    from sklearn.datasets import load_digits  # its import takes a second; keep it out of --help

    source = load_digits()
    order = np.random.default_rng(0).permutation(len(source.target))
    x = torch.from_numpy(source.images[order] / 16.0).float().unsqueeze(1)
    y = torch.from_numpy(source.target[order]).long()
    return Dataset(
        name="digits",
        x_train=x[NUM_TEST:],
        y_train=y[NUM_TEST:],
        x_test=x[:NUM_TEST],
        y_test=y[:NUM_TEST],
        num_classes=10,
    )
