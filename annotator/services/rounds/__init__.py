"""Retrain rounds: the jobs, their metrics, and which predictions are promoted to use."""
