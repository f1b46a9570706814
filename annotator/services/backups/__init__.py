"""Backups of a project: made while people label, incremental, verified, restored into another folder, on a schedule."""
