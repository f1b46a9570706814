"""The trainer reads a snapshot and writes models, reports and predictions.

It uses no database and no web server. `trainer.rounds.round.run_round` is its main loop: features of a pretrained
backbone, one head per attribute, calibration, evaluation on held-out groups, predictions, and the order in which images
are best labelled next.
"""

import os
from importlib import metadata

# Waiting threads must not spin: if a web server or another round uses the same cores, spinning threads make a training
# step three to five times slower. The setting takes effect only before torch is loaded; without torch it has no effect.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

try:
    __version__ = metadata.version("facelabel")
except metadata.PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0.0.0"
