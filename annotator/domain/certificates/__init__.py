"""Certified filling: which open cells of an attribute a model's values may fill, and the test that decides. Numpy only."""
