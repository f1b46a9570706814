"""Processes of their own that start at once: forked from one that has loaded PyTorch and the product, but used nothing of it yet."""

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

LOADED = ["annotator.worker", "trainer.round", "trainer.engines", "trainer.fit", "trainer.cli"]
"""What takes seconds to load, and what a test does in such a process."""


def processes() -> ForkServerContext:
    """Return where such processes come from."""
    server = forkserver._forkserver  # type: ignore[attr-defined]
    if server._preload_modules != LOADED:
        server._stop()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context
