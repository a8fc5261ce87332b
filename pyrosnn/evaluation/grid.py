"""The grid of an evaluation: strengths, sizes and constants, as lists of numbers."""

from collections.abc import Sequence
from numbers import Real
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from pyrosnn.errors import brief, require
from pyrosnn.settings import Kind, check_value, kind_of, plain

STRENGTH = kind_of(Annotated[float, Ge(0)])
SIZE = kind_of(int)

Numbers = Sequence[float] | np.ndarray
Sizes = Sequence[int] | np.ndarray


def listed(name: str, values: Any, one: str, kind: Kind) -> list[Any]:
    """Return distinct numbers as a list, from a list, a tuple or an array.

    Args:
        name: what they are called, for errors.
        values: the value given; fractions may be texts (``"8/255"``).
        one: what each of them is called.
        kind: what each of them may be.

    Raises:
        ArgumentError: ``strengths must be a list of numbers, got 0.5; give [0.5]``, or of one of
            them.

    Example:
        >>> listed("strengths", (0, "1/2"), "strength", STRENGTH)
        [0.0, 0.5]
    """
    given = values.tolist() if isinstance(values, np.ndarray) else values
    numbers = isinstance(given, Sequence) and not isinstance(given, str)
    step = f"; give [{values!r}]" if isinstance(values, str | Real) else ""
    require(numbers, f"{name} must be a list of numbers, got {brief(values)}{step}")
    read = [plain(each, kind) for each in given]
    for each in read:
        check_value(one, each, kind)
    require(len(set(read)) == len(read), f"got a {one} twice in {brief(read)}")
    return [kind.type(each) for each in read]
