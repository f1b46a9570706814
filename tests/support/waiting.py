"""Wait for a visible condition, never for an amount of time."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")


def wait_until(look: Callable[[], Seen], what: str, seconds: float = 480, pause: float = 0.005) -> Seen:
    """Call `look` until its result is true, and return the result; fail with `what` after the deadline.

    The `pause` of seconds between two looks only leaves the processor to what is waited for.
    """
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(pause)
    return seen
