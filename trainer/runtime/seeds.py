"""Seeds that are functions of a place in a run, so that nothing random has a state of its own to save."""

import numpy as np


def mix(*numbers: int) -> int:
    """Return one 63-bit seed made of several numbers, such that no two sequences share it by plan."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
