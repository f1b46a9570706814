"""The trainer: reads a snapshot, writes models, reports and predictions.

It knows no database and no web server. `trainer.round.run_round` is its whole loop: features of a pretrained
backbone, one head per attribute, calibration, evaluation on held-out groups, predictions and the order of work.
"""

from importlib import metadata

try:
    __version__ = metadata.version("facelabel")
except metadata.PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0.0.0"
