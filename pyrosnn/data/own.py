"""Data of the user's own: a function that returns a ``Dataset``."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, DataError, require
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
    with forked_rng(seed_sequence(0, "own-dataset")), refused_as_data(reference):
        dataset = call_function(reference, function)
    if not isinstance(dataset, Dataset):
        raise ArgumentError(
            f"{reference} returned a {type(dataset).__name__}, expected a pyrosnn.Dataset"
        )
    return replace(dataset, source=reference)


@contextmanager
def refused_as_data(source: str) -> Iterator[None]:
    """Say which data are meant where a ``Dataset`` refuses its images or labels.

    Args:
        source: a function or a file.

    Raises:
        DataError: in place of the data set's own error.
    """
    try:
        yield
    except ArgumentError as error:
        raise DataError(f"the data of {source} cannot be used: {error}") from error
