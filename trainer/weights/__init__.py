"""Files with published weights, which the annotator's face detector reads too: without torch, with NumPy only."""
