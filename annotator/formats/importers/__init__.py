"""Formats that are only read, safe readers, and the translation of names into our schema."""
