"""Keep freed memory for the next batch while a network computes.

The feature maps of a batch are larger than what glibc's allocator keeps. It returns them to the system after every step
and gets them back with every page cleared, which is a third of the processor time of training on a CPU
(docs/lab/experiments.md).
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""The parameter numbers of `mallopt` (malloc.h of glibc)."""
LARGEST = 2**31 - 1
USUAL = 32 << 20
"""The largest threshold that glibc's own adaptation reaches."""

_users = 0


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep freed memory for the next allocation inside the context, and return it to the system at the end.

    Contexts may be nested. With a C library other than glibc, nothing happens.
    """
    global _users  # noqa: PLW0603 - there is one allocator per process
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        yield
        return
    _users += 1
    _set_thresholds(libc, LARGEST, LARGEST)
    try:
        yield
    finally:
        _users -= 1
        if not _users:
            _set_thresholds(libc, USUAL, 2 * USUAL)
            libc.malloc_trim(0)


def _set_thresholds(libc: ctypes.CDLL, mmap: int, trim: int) -> None:
    libc.mallopt(M_MMAP_THRESHOLD, mmap)
    libc.mallopt(M_TRIM_THRESHOLD, trim)
