"""The processes that decode what may be hostile: forked from one that has loaded the decoders already."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext

_LOADED = ["annotator.formats.image_store", "annotator.formats.video_frames"]


def decoding_context() -> ForkServerContext:
    """Where decoding processes come from; loading OpenCV and Pillow is paid once and not by each of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    return context
