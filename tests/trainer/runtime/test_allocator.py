"""Freed memory is kept between batches."""

import ctypes
import resource
import sys

import numpy as np
import psutil
import pytest

from trainer.runtime.allocator import freed_memory_kept

glibc = pytest.mark.skipif(
    sys.platform == "win32" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc's allocator"
)
LARGE = 100 << 20


def faults() -> int:
    """Return the number of pages that this process has been given."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


@glibc
def test_freed_memory_is_reused_without_new_pages():
    with freed_memory_kept():
        np.full(LARGE, 1, np.uint8)
        with freed_memory_kept():
            np.full(LARGE, 1, np.uint8)
        before = faults()
        for _ in range(20):
            np.full(LARGE, 1, np.uint8)
        assert faults() - before < LARGE // resource.getpagesize()


@glibc
def test_freed_memory_is_returned_at_the_end():
    process = psutil.Process()
    with freed_memory_kept():
        np.full(4 * LARGE, 1, np.uint8)
        kept = process.memory_info().rss
    assert process.memory_info().rss < kept - 3 * LARGE
