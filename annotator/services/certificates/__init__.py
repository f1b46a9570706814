"""Certified filling: the model fills cells of an attribute once a blind sample has shown that few of them are wrong."""
