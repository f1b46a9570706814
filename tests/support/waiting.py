"""Waiting for something that can be seen, never for an amount of time."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")


def wait_until(look: Callable[[], Seen], what: str, seconds: float = 240) -> Seen:
    """Look until what is seen is true, and return it; fail with `what` when the deadline has passed.

    The short pause between two looks only leaves the processor to whoever is waited for.
    """
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.005)
    return seen
