"""The processes that decode files that may be hostile; they are forked from a process that has loaded the decoders."""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext


def decoding_context(work: str) -> ForkServerContext:
    """Return the context of decoding processes, in which Pillow or OpenCV is loaded once and not by every process.

    Args:
        work: the module that the processes run. It is loaded before they are forked, unless the server of forks is running
            already: then each process loads what is missing.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([work])
    return context


def prepare_decoding(work: str) -> None:
    """Start the process that decoding processes are forked from, without waiting until it has loaded `work`."""
    decoding_context(work)
    forkserver.ensure_running()
