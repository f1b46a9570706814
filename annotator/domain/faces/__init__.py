"""Faces: clusters by descriptor, the nearest people, and the geometry of boxes."""
