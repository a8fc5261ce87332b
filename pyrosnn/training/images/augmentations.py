"""Random changes of training images that keep their labels, drawn for each image.

torchvision's transforms draw one change for a whole batch; applied image by image they would take
longer than the training step.
"""

from collections.abc import Callable

import torch
from torch import Tensor

PADDING = 4


def none(x: Tensor) -> Tensor:
    """Return the images themselves."""
    return x


def flip(x: Tensor) -> Tensor:
    """Mirror each image, left to right, with probability 1/2.

    Args:
        x: images, shape (example, channel, height, width).
    """
    from torchvision.transforms.v2 import functional  # a second of import, for images alone

    mirrored = torch.rand(len(x), device=x.device) < 0.5
    return torch.where(mirrored.reshape(-1, 1, 1, 1), functional.horizontal_flip(x), x)


def crop(x: Tensor) -> Tensor:
    """Shift each image by up to four pixels in both directions; the border is reflected.

    Args:
        x: images, shape (example, channel, height, width).
    """
    from torchvision.transforms.v2 import functional

    padded: Tensor = functional.pad(x, [PADDING], padding_mode="reflect")
    height, width = x.shape[-2:]
    down, right = torch.randint(2 * PADDING + 1, (2, len(x), 1), device=x.device)
    rows = (down + torch.arange(height, device=x.device)).unsqueeze(-1)
    columns = (right + torch.arange(width, device=x.device)).unsqueeze(-2)
    images = torch.arange(len(x), device=x.device).reshape(-1, 1, 1)
    # indices on both sides of a slice put their axes first: (example, height, width, channel)
    return padded[images, :, rows, columns].movedim(-1, 1)


AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": none,
    "flip": flip,
    "crop-flip": lambda x: flip(crop(x)),
}
