"""Read a snapshot and its images; scale and augment pixels."""
