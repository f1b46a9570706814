"""Find faces in images, describe them, and keep an index of their descriptors."""
