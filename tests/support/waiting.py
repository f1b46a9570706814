"""Wait for a visible condition, never for an amount of time."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")
SHORTEST, LONGEST = 0.005, 0.1
"""Of the pauses between two looks, in seconds."""
PER_LOOK = 4
"""How many times as long as the look before it a pause is: looking takes a fifth of a processor."""


def wait_until(look: Callable[[], Seen], what: str, seconds: float = 480) -> Seen:
    """Call `look` until its result is true, and return the result; fail with `what` after the deadline.

    The pause between two looks only leaves the processor to what is waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        begun = time.monotonic()
        if seen := look():
            return seen
        now = time.monotonic()
        assert now < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(min(LONGEST, max(SHORTEST, PER_LOOK * (now - begun))))
