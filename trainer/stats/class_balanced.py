"""The class-balanced answer: the class that would be most probable if all classes were equally common.

Menon et al., "Long-tail learning via logit adjustment" (ICLR 2021): this answer maximises balanced accuracy.
"""

import numpy as np
from numpy.typing import NDArray


def balanced_answers(p: NDArray[np.floating], prior: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return (n,) class indices.

    Args:
        p: (n, classes) probabilities.
        prior: (classes,) frequencies of the classes that `p` takes into account.
    """
    answers: NDArray[np.int64] = np.argmax(p / np.maximum(prior, 1e-9), axis=1)
    return answers
