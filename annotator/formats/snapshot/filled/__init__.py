"""The cells of a snapshot that a model filled, and their certificates."""
