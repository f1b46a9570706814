"""The statistics that the annotator shares with the trainer; the rest of the annotator imports them from here.

`trainer.stats` needs NumPy only. It is all of the trainer that the annotator's domain may import (pyproject.toml).
"""

from trainer.stats.calibration import Calibration, calibration
from trainer.stats.class_balanced import balanced_answers
from trainer.stats.grouped_interval import half_width, influence, mean_proportion_interval
from trainer.stats.proportion import Proportion

__all__ = [
    "Calibration",
    "Proportion",
    "balanced_answers",
    "calibration",
    "half_width",
    "influence",
    "mean_proportion_interval",
]
