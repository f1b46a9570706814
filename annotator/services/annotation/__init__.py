"""Answers: the append-only log, single submissions, bulk submissions, undo."""
