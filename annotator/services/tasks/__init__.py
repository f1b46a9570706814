"""The labelling queue: which images a labeller gets next, what they see of them, and which images are asked again."""
