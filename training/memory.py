"""Memory that one step frees is the next step's.

The C library gives large blocks back to the system when they are freed, and a training step frees all of its maps: the
next one gets them empty, and pays for every page anew (EXPERIMENTS.md). So the process keeps what it once had.
"""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Parameters of glibc's mallopt(3)."""
NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """From now on, for the whole process. Does nothing where the C library has no mallopt, or heeds none."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_MAX, 0)  # no block apart from the heap ...
    mallopt(M_TRIM_THRESHOLD, NEVER)  # ... whose end is never cut off
