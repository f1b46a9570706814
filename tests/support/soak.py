"""Whether fault trials and drawn cases run in their full numbers (`make soak`)."""

import os

FULL = os.environ.get("FACELABEL_SOAK") == "1"
