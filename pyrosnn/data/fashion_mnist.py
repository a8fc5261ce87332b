"""`fashion-mnist`: 70,000 grey images of clothing, 28 x 28 pixels, downloaded by torchvision."""

from pathlib import Path
from typing import Any

from pyrosnn.data.dataset import Dataset
from pyrosnn.data.idx import IdxFile
from pyrosnn.errors import DataError, first_line

X_TRAIN = IdxFile(
    name="train-images-idx3-ubyte",
    shape=(60_000, 28, 28),
    sha256="c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
)
Y_TRAIN = IdxFile(
    name="train-labels-idx1-ubyte",
    shape=(60_000,),
    sha256="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
)
X_TEST = IdxFile(
    name="t10k-images-idx3-ubyte",
    shape=(10_000, 28, 28),
    sha256="5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
)
Y_TEST = IdxFile(
    name="t10k-labels-idx1-ubyte",
    shape=(10_000,),
    sha256="0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)


def load(root: Path) -> Dataset:
    """Return FashionMNIST with its predefined split, scaled to [0, 1].

    Args:
        root: folder that holds ``FashionMNIST/raw``; torchvision downloads what is not there.

    Raises:
        DataError: if the files are not there and cannot be downloaded, or are not the original.

    References:
        H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv 1708.07747, 2017.
    """
    folder = root / "FashionMNIST" / "raw"
    files = (X_TRAIN, Y_TRAIN, X_TEST, Y_TEST)
    if not all(file.is_in(folder) for file in files):
        _download(root, folder)
    try:
        x_train, y_train, x_test, y_test = (file.read(folder) for file in files)
    except DataError as error:
        raise _unusable(root, first_line(error)) from error
    return Dataset(
        name="fashion-mnist",
        x_train=x_train.unsqueeze(1) / 255.0,
        y_train=y_train.long(),
        x_test=x_test.unsqueeze(1) / 255.0,
        y_test=y_test.long(),
        num_classes=10,
    )


def _download(root: Path, folder: Path) -> None:
    """Download the compressed files with torchvision, which checks their MD5 sums."""
    from torchvision.datasets import FashionMNIST
    from torchvision.datasets.utils import download_url

    resources: list[tuple[str, str]] = FashionMNIST.resources
    mirrors: Any = FashionMNIST.mirrors
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, md5 in resources:
            download_url(f"{mirrors[0]}{name}", folder, name, md5)
    except (OSError, RuntimeError, ValueError) as error:
        reason = f"a download did not help: {first_line(error)}"
        raise _unusable(root, reason) from error


def _unusable(root: Path, reason: str) -> DataError:
    return DataError(
        f"fashion-mnist is missing or damaged below {root} ({reason}); "
        "put the four files into FashionMNIST/raw there, or name another folder with "
        "--data-root or PYROSNN_DATA"
    )
