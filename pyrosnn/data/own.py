"""Data of the user's own: a function that returns a ``Dataset``."""

from dataclasses import replace

import torch

from pyrosnn.data.dataset import Dataset, check_batch
from pyrosnn.errors import ArgumentError, DataError, first_line, require
from pyrosnn.functions import call_function, find_function, required_arguments
from pyrosnn.seeding import forked_rng, seed_sequence


def load(reference: str) -> Dataset:
    """Import and call the function that makes a data set, with torch's seed fixed.

    Args:
        reference: ``package.module:function``; the function takes no argument.

    Raises:
        ArgumentError: for a module or function that is not there, one that raises, and one that
            returns something else than a :class:`Dataset`.
        DataError: for images or labels that no classifier could take.
    """
    function = find_function(reference)
    required = required_arguments(function)
    require(
        not required,
        f"{reference} needs {len(required)} arguments ({', '.join(required)}); expected a "
        "function without arguments that returns a pyrosnn.Dataset",
    )
    with forked_rng(seed_sequence(0, "own-dataset")):
        dataset = call_function(reference, function)
    if not isinstance(dataset, Dataset):
        raise ArgumentError(
            f"{reference} returned a {type(dataset).__name__}, expected a pyrosnn.Dataset"
        )
    return checked(dataset, reference)


def checked(dataset: Dataset, source: str) -> Dataset:
    """Return a data set of the user's own with its source, or refuse its images and labels.

    Args:
        dataset: the data set.
        source: what loads it.

    Raises:
        DataError: for images or labels of a wrong type or shape, labels out of range, and pixels
            that are not finite or out of bounds.
    """
    bad = f"the data of {source} cannot be used"
    low, high = dataset.bounds
    for split in ("train", "test"):
        x, y = (getattr(dataset, f"{which}_{split}") for which in "xy")
        for name, tensor in (("x", x), ("y", y)):
            if not isinstance(tensor, torch.Tensor):
                raise DataError(
                    f"{bad}: {name}_{split} is a {type(tensor).__name__}, expected a tensor"
                )
        try:
            check_batch(
                x,
                y,
                num_classes=dataset.num_classes,
                image_shape=dataset.image_shape,
                dtype=torch.float32,
            )
        except ArgumentError as error:
            raise DataError(f"{bad}: {split} {first_line(error)}") from error
        least, most = float(x.min()), float(x.max())
        if least < low or most > high:
            raise DataError(
                f"{bad}: pixels of x_{split} are in [{least:g}, {most:g}], and bounds are "
                f"[{low:g}, {high:g}]; scale the images or give other bounds"
            )
    return replace(dataset, source=source)
