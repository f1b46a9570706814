"""What the worker does for certificates, in short transactions."""

from __future__ import annotations

from threading import Event

from annotator.project import ProjectFolder


def continue_certificates(project: ProjectFolder) -> bool:
    """Do the next piece of work for certificates, in a transaction of a fraction of a second. Returns whether there was any.

    Commands without a worker call it until it returns False.
    """
    raise NotImplementedError


def run_certificates(project: ProjectFolder, ended: Event) -> None:
    """Do all pieces until the event is set: a thread of the worker, whose imports and rounds may take hours."""
    raise NotImplementedError
