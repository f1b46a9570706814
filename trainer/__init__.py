"""The trainer: reads a snapshot, writes models, reports and predictions.

It knows no database and no web server. `trainer.rounds.round.run_round` is its whole loop: features of a pretrained
backbone, one head per attribute, calibration, evaluation on held-out groups, predictions and the order of work.
"""

import os
from importlib import metadata

# Threads that wait for work must not spin: when the cores are shared with a web server or a second round, spinning ones
# made a training step three to five times slower. It has to be set before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

try:
    __version__ = metadata.version("facelabel")
except metadata.PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0.0.0"
