"""Formats of other tools: each module reads and writes one of them."""
