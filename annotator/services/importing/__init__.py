"""Bring images and labels in: sources, uploads, import jobs and their reports."""
