"""`fashion-mnist`: 70,000 grey images of clothing, 28 x 28 pixels, through torchvision."""

from pathlib import Path

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import DataError


def load(root: Path) -> Dataset:
    """Return FashionMNIST with its predefined split, scaled to [0, 1].

    Args:
        root: folder that holds ``FashionMNIST/raw``; torchvision downloads what is not there.

    Raises:
        DataError: if the files are not there and cannot be downloaded, or are damaged.

    References:
        H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv 1708.07747, 2017.
    """
    from torchvision.datasets import FashionMNIST

    try:
        train = FashionMNIST(root, train=True, download=True)
        test = FashionMNIST(root, train=False, download=True)
    except (OSError, RuntimeError, ValueError, EOFError, AssertionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"fashion-mnist is missing or damaged below {root}, and a download did not help "
            f"({reason}); put the four files into FashionMNIST/raw there, or name another folder "
            "with --data-root or PYROSNN_DATA"
        ) from error
    return Dataset(
        name="fashion-mnist",
        x_train=train.data.unsqueeze(1) / 255.0,
        y_train=train.targets.long(),
        x_test=test.data.unsqueeze(1) / 255.0,
        y_test=test.targets.long(),
        num_classes=10,
    )
