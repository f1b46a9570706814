"""Measure a model on the audit set: metrics with intervals, calibration, learning curves, advice when to stop."""
