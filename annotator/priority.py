"""The priority of the worker: people who label come first, except while they wait for their first suggestions."""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor

NICENESS = 10
"""The niceness of the worker and of the processes that it starts."""


def lower_priority() -> Executor:
    """Lower the priority of this process.

    Returns:
        A thread that keeps the priority from before. On Linux each thread has its own; elsewhere this one is slow too.
    """
    before = ThreadPoolExecutor(1, "normal-priority")
    before.submit(os.getpid).result()  # starts the thread, which is not part of what is lowered below
    os.nice(NICENESS)
    return before
