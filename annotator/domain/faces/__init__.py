"""Faces: clusters of descriptors, the nearest people, and the geometry of boxes."""
