"""What answers cost the person, in seconds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pace:
    """Seconds of a practised labeller who sees the model's suggestions.

    The defaults are those of the script of docs/lab/measurements.md, "A person's morning": with 6.0 presses an image takes
    3.0 s, with 2.4 presses 2.0 s. That is a straight line of 1.4 s an image and 0.27 s a press. One press of Enter confirms
    all suggestions of an image, which is a sixth of a press for each of its six attributes.

    Attributes:
        image: Seconds to load and look at an image.
        answer: Seconds to give an answer or to correct a suggestion.
        confirmation: Seconds to confirm a suggestion.
    """

    image: float = 1.4
    answer: float = 0.27
    confirmation: float = 0.05

    def of_cells(self, right: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the expected seconds of cells whose suggestions are right with these probabilities."""
        seconds: NDArray[np.float64] = right * self.confirmation + (1 - right) * self.answer
        return seconds


DEFAULT_PACE = Pace()
