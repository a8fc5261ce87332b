"""The normalisation of pixels, as a function that a trace of a network keeps whole."""

from torch import Tensor

from pyrosnn.errors import require


def normalised(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return (x - mean) / std.

    Args:
        x: images, shape (example, channel, *size).
        mean: one number for each channel, or one for all, shape (channel or 1,).
        std: the same.

    Raises:
        ArgumentError: for images of another number of channels.
    """
    require(
        x.ndim >= 2 and len(mean) in (1, x.shape[1]),
        f"mean and std have {len(mean)} values, expected 1 or the number of channels of "
        f"the images, whose shape is {tuple(x.shape)} (example, channel, …)",
    )
    shape = (-1, *[1] * (x.ndim - 2))
    return (x - mean.view(shape)) / std.view(shape)
