"""Formats that are only read, safe readers, and the translation of foreign names into the schema."""
