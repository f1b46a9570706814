"""Erasing images and people for good: what goes, in which order, and the proof that it is gone."""
