"""Errors of a user's module during its trial run, each in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from pyrosnn.errors import ArgumentError, PyrosnnError, first_line


def as_logits(returned: Any) -> Tensor:
    """Return a module's output if it is a tensor; refuse anything else.

    Raises:
        ArgumentError: ``the module returned a tuple, expected a tensor of logits, …``.
    """
    if not isinstance(returned, Tensor):
        raise ArgumentError(
            f"the module returned a {type(returned).__name__}, expected a tensor of logits, shape "
            "(example, class)"
        )
    return returned


@contextmanager
def evaluated_on(shape: tuple[int, ...]) -> Iterator[None]:
    """Add the images' shape to the error of a module: most of torch's errors concern shapes.

    Args:
        shape: of the images that it is evaluated on.

    Raises:
        ArgumentError: in place of the module's own error.
    """
    try:
        yield
    except PyrosnnError:
        raise
    except RuntimeError as error:
        raise ArgumentError(
            f"the module cannot be evaluated on images of shape {shape} ({first_line(error)}); "
            "image_shape is that of one image, without a batch"
        ) from error
    except Exception as error:
        raise ArgumentError(
            f"the module raised {type(error).__name__}: {first_line(error)} on images of shape "
            f"{shape}"
        ) from error
