"""Memory that a process frees stays with it: the next batch takes it again without a fault."""

import ctypes
import os

# <malloc.h>, with values that keep what is freed
_TRIM_THRESHOLD = (-1, -1)  # never give the top of the heap back
_MMAP_THRESHOLD = (-3, 2**31 - 1)  # large blocks come from the heap, too
_ARENA_MAX = (-8, 1)  # one heap: those of threads have a fixed size, and give large blocks back


def keep_freed_memory() -> bool:
    """Tell the C library to keep freed memory for what this process allocates next.

    An attack allocates and frees the same large blocks at every step. Where glibc gives them back
    to the kernel each time, the kernel clears every page anew: a third of the processor time of an
    evaluation with two workers. The process' peak of memory stays about the same; what it has
    taken, it keeps until it ends. For programs, not for libraries, whose users may think otherwise.

    Returns:
        Whether it was done: not on systems without glibc, nor where the environment says how
        memory is to be allocated (``MALLOC_…``, ``GLIBC_TUNABLES``).

    Example:
        >>> keep_freed_memory() in (True, False)
        True
    """
    if any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return False
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library, or Windows
        return False
    return all([set_option(*option) for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX)])
