"""What to do when the memory does not suffice."""

from pyrosnn.errors import first_line
from pyrosnn_cli.options import MEMORY_BUDGET

# torch's own class for a full accelerator, named so as not to load torch for it
_CLASSES = {"MemoryError", "OutOfMemoryError"}
# and the texts of the plain RuntimeErrors of its allocators
_TEXTS = ("not enough memory", "can't allocate memory", "out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory could not be had.

    Example:
        >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes differ"))
        (True, False)
    """
    if _CLASSES & {kind.__name__ for kind in type(error).__mro__}:
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and any(part in text for part in _TEXTS)


def out_of_memory(error: BaseException) -> str:
    """Return the line for the user."""
    return (
        f"out of memory ({first_line(error)}); lower --memory-budget ({MEMORY_BUDGET} unless "
        "given) or, where there is one, --block-size or --batch-size"
    )
