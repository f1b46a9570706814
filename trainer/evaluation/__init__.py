"""Measure a model: metrics with intervals, calibration, subgroups."""
