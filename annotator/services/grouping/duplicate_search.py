"""Perceptual hashes of the project's images, computed in batches, and the search for near-duplicates that follows.

Only the worker and the command call this module: hashing decodes images, which the web process never does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from PIL import Image as Picture
from sqlalchemy import func, select, update

from annotator.imaging.perceptual_hash import perceptual_hash
from annotator.models import Image, Project
from annotator.project import ProjectFolder
from annotator.services.grouping.membership import mark_stale
from annotator.services.grouping.near_duplicates import find_near_duplicates, images_left

_BATCH = 64
"""Images per step, which the worker finishes before it looks whether a round is due."""


class DuplicateSearch:
    """Hashes new images and updates the groups step by step, while the worker has nothing else to do.

    Updating the groups of a large project takes seconds; the next update waits twenty times as long.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._pause_until = 0.0

    def run_step(self) -> bool:
        """Do the next step; return whether there was one."""
        if hash_some(self._project):
            return True
        if time.monotonic() < self._pause_until or not _is_stale(self._project):
            return False
        started = time.monotonic()
        find_near_duplicates(self._project)
        self._pause_until = time.monotonic() + 20 * (time.monotonic() - started)
        return True


def _is_stale(project: ProjectFolder) -> bool:
    with project.database.read() as session:
        return bool(session.scalar(select(Project.groups_stale)))


def hash_some(project: ProjectFolder) -> int:
    """Hash the next images without a hash; return their number."""
    with project.database.read() as session:
        query = select(Image.id, Image.sha256).where(Image.perceptual_hash.is_(None)).order_by(Image.id)
        rows = session.execute(query.limit(_BATCH)).all()
    with ThreadPoolExecutor(2) as threads:
        hashes = list(threads.map(lambda row: _hash_view(project, row.sha256), rows))
    if rows:
        with project.database.write() as session:
            present = images_left(session, [row.id for row in rows])  # others were erased meanwhile
            changes = [
                {"id": row.id, "perceptual_hash": value}
                for row, value in zip(rows, hashes, strict=True)
                if row.id in present
            ]
            if changes:
                session.execute(update(Image), changes)
            mark_stale(session)
    return len(rows)


def hash_all(project: ProjectFolder, progress: Callable[[int, int], None]) -> None:
    """Hash every image that has no hash yet.

    Args:
        project: whose images.
        progress: called with the number of images hashed and the number of all that lacked a hash.
    """
    with project.database.read() as session:
        total = session.scalar(select(func.count()).where(Image.perceptual_hash.is_(None))) or 0
    done = 0
    progress(done, total)
    while count := hash_some(project):
        done += count
        progress(done, max(total, done))


def _hash_view(project: ProjectFolder, sha256: str) -> int:
    try:
        with project.stores.views.open(sha256, "jpg") as file, Picture.open(file) as view:
            view.draft("L", (128, 128))
            return perceptual_hash(view)
    except OSError:  # the view is lost: a number derived from the content repeats no other image
        return int.from_bytes(bytes.fromhex(sha256[:16]), "big", signed=True)
