"""The images of a study: which ones, in which blocks, and those of one block."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar

import numpy as np
import xarray as xr
from annotated_types import Ge
from torch import Tensor

from pyrosnn.checks.image_classes import missing_classes, missing_words
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import PyrosnnWarning, require
from pyrosnn.settings import POSITIONS, RARE, Default, Settings


@dataclass(frozen=True, kw_only=True)
class Block:
    """The images of a block.

    Attributes:
        x: images, shape (example, *image).
        y: labels, shape (example,).
        indices: where they are in the test split, rising.
    """

    x: Tensor
    y: Tensor
    indices: Sequence[int]

    @property
    def first(self) -> int:
        """Index of the first image."""
        return self.indices[0]

    def labelled(self, values: xr.Dataset) -> xr.Dataset:
        """Return values of these images with the indices as their coordinate.

        Args:
            values: values with the coordinate ``example``, which counts on from the first index.
        """
        counted = values["example"]
        if np.array_equal(counted.values, self.indices):
            return values
        return values.assign_coords(example=("example", np.array(self.indices), counted.attrs))


@dataclass(frozen=True, kw_only=True)
class ChosenImages(Settings):
    """The images of a study.

    Attributes:
        images: number of test images.
        block_size: number of images that share their sample sets; smaller blocks give steadier
            means.
        indices: test images to take instead of the first ones, such as 3,17,20:40 (20 to 39).
            Each has the block, and with it the seeds of the sample sets, that it has in a study of
            all images.
    """

    panel: ClassVar[str] = "images"

    images: Annotated[int, Ge(1)]
    block_size: Annotated[int, Ge(1)] = 50
    indices: Annotated[tuple[int, ...], Ge(0), RARE, POSITIONS, Default("")] = ()

    def __post_init__(self) -> None:
        """Check the values, and sort the indices.

        Raises:
            ArgumentError: ``indices has 3 twice``; ``indices names 4 images, images is 500``.
        """
        super().__post_init__()
        rising = tuple(sorted(self.indices))
        twice = [one for one, other in pairwise(rising) if one == other]
        require(not twice, f"indices has {twice[0] if twice else ''} twice; give it once")
        require(
            len(rising) in (0, self.images),
            f"indices names {len(rising)} images, images is {self.images}; leave images out",
        )
        object.__setattr__(self, "indices", rising)

    @property
    def chosen(self) -> Sequence[int]:
        """Indices of the images in the test split, rising."""
        return self.indices or range(self.images)

    @property
    def blocks(self) -> list[int]:
        """Counters of the blocks that hold the images."""
        return sorted({index // self.block_size for index in self.chosen})

    def block(self, counter: int, dataset: Dataset) -> Block:
        """Return the images of a block.

        Args:
            counter: counter of the block.
            dataset: the data set.

        Raises:
            ArgumentError: for an index that the data set does not have.
        """
        indices = [index for index in self.chosen if index // self.block_size == counter]
        x, y = dataset.images_at(indices)
        return Block(x=x, y=y, indices=indices)


@dataclass(frozen=True, kw_only=True)
class ImageSettings(ChosenImages):
    """The images of a study, which may be a part of a larger one.

    Attributes:
        first_image: index of the first image, a multiple of the block size, to run one part of a
            larger study. The part has the sample sets that the whole study has there.
    """

    panel: ClassVar[str] = "images"

    first_image: Annotated[int, Ge(0), RARE] = 0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ArgumentError: ``first_image must be a multiple of block_size = 50, got 20``.
        """
        super().__post_init__()
        require(
            self.first_image % self.block_size == 0,
            f"first_image must be a multiple of block_size = {self.block_size}, "
            f"got {self.first_image}",
        )
        require(
            self.first_image == 0 or not self.indices,
            f"first_image begins with image {self.first_image}, indices names images; give one of "
            "them",
        )

    @property
    def chosen(self) -> Sequence[int]:
        """Indices of the images in the test split, rising."""
        return self.indices or range(self.first_image, self.first_image + self.images)


def limited(settings: dict[str, Any], dataset: Dataset, *, asked: bool) -> dict[str, Any]:
    """Return settings with at most the images that a data set has.

    Args:
        settings: settings of a study.
        dataset: the data set.
        asked: whether the user asked for this number of images, and may not get fewer.

    Raises:
        ArgumentError: for indices, a first image, or more images, than there are.
    """
    if "images" not in settings:
        return settings
    indices = settings.get("indices")
    if indices:
        if isinstance(indices, list | tuple) and all(isinstance(one, int) for one in indices):
            dataset.images_at(indices)
            return settings if asked else {**settings, "images": len(indices)}
        return settings  # refused by the spec
    first, number = settings.get("first_image", 0), len(dataset.x_test)
    require(
        first < number,
        f"first_image must be below {number}, the number of test images of {dataset.name}, got "
        f"{first}",
    )
    images = settings["images"] if asked else min(settings["images"], number - first)
    dataset.test_images(first + images)
    return {**settings, "images": images}


def warn_of_classes(chosen: Sequence[int], dataset: Dataset) -> None:
    """Warn where the images of a study miss classes that chance would not leave out.

    Args:
        chosen: indices of the images.
        dataset: the data set.
    """
    labels = dataset.y_test.numpy()[[index for index in chosen if index < len(dataset.y_test)]]
    if missing_classes(labels, dataset.num_classes):
        warnings.warn(missing_words(labels, dataset.num_classes), PyrosnnWarning, stacklevel=2)
