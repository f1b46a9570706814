"""The queue: which image a labeller gets next, with what visible, and which images are asked again."""
