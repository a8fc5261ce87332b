"""Memory that a process frees stays with it: the next batch takes it again without a fault.

An attack allocates and frees the same large blocks at every step. Where glibc
gives them back to the kernel each time, the kernel clears every page anew. In
return, what a process has taken it keeps until it ends, and its peak can be
somewhat higher. That is for programs, not for libraries, whose users may think
otherwise.
"""

import ctypes
import os

# What glibc reads when a process starts: the top of the heap is never given back, large blocks come
# from the heap, too, and there is one heap, for those of threads have a fixed size.
KEEPING = {
    "MALLOC_TRIM_THRESHOLD_": 2**33,
    "MALLOC_MMAP_MAX_": 0,
    "MALLOC_ARENA_MAX": 1,
}
# The same for a process that runs, by the numbers of <malloc.h>; -1 is never.
_OPTIONS = {-1: -1, -4: 0, -8: 1}


def keep_freed_memory() -> bool:
    """Tell the C library to keep what is freed for what this process allocates next.

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
    return all([set_option(option, value) for option, value in _OPTIONS.items()])
