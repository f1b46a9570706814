"""Seeds computed from a position in a run, so that no random generator has a state to save."""

import numpy as np


def mix(*numbers: int) -> int:
    """Combine several numbers into one 63-bit seed."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
