"""Statistics that the trainer and the annotator share.

These modules use NumPy alone, so the annotator can import them where torch is not installed.
"""
