"""The parts of a worker: the steps of its loop, and its threads."""
