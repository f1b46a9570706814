"""Freed memory is kept for the next batch while a network computes.

A batch's feature maps are larger than what glibc's allocator keeps, so it gives them back to the system after every step
and gets them again with every page cleared: a third of the processor time of training on a CPU (docs/lab/experiments.md).
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""The numbers of `mallopt` (malloc.h of glibc)."""
LARGEST = 2**31 - 1
USUAL = 32 << 20
"""The largest threshold at which glibc's own adaptation arrives."""

_users = 0


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep what is freed inside for what is allocated next, and give it back to the system at the end.

    It may be entered again inside. With another C library than glibc it does nothing.
    """
    global _users  # noqa: PLW0603 - the allocator is the process's own
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
