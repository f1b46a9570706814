"""The processes that decode what may be hostile: forked from one that has loaded the decoders already."""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext


def decoding_context(work: str) -> ForkServerContext:
    """Where decoding processes come from; loading Pillow or OpenCV is paid once and not by each of them.

    Args:
        work: the module of what they will do. It is loaded before they are forked, unless there have been others: then
            each loads what these did not need.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([work])
    return context


def prepare_decoding(work: str) -> None:
    """Start the process that the decoding ones are forked from, and do not wait until it has loaded `work`."""
    decoding_context(work)
    forkserver.ensure_running()
