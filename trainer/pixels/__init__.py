"""Decoding of image files, which the annotator and the trainer share: without torch, with Pillow and NumPy only."""
