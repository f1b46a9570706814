"""Watched addresses: time passes, and a worker lists them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from annotator.config import Settings
from annotator.models import WatchedAddress, now
from annotator.project import ProjectFolder
from annotator.services.importing.bucket.addresses import WatchStatus, list_watched
from annotator.services.importing.bucket.watch import BucketWatch


def pass_time(project: ProjectFolder, time: timedelta = timedelta(days=1)) -> None:
    """Let the last listing be longer ago."""
    with project.database.write() as session:
        session.execute(update(WatchedAddress).values(begun_at=now() - time, finished_at=now() - time))


def list_again(project: ProjectFolder) -> WatchStatus:
    """Let a worker list the address, some time later, and return what the page says then."""
    pass_time(project)
    assert BucketWatch(project, Settings()).run_if_due()
    [status] = watched(project)
    return status


def watched(project: ProjectFolder) -> list[WatchStatus]:
    with project.database.read() as session:
        return list_watched(session)
