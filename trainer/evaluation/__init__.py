"""Measure a model: metrics, calibration, class-balanced outputs."""
