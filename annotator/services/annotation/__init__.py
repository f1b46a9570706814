"""Answers: the append-only log, answers to one image, answers to a page of images, and undo."""
