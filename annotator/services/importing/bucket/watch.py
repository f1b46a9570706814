"""The worker's listing of watched addresses: what is new there is imported."""

from __future__ import annotations

import time
from collections.abc import Callable

from annotator.config import Settings
from annotator.imaging.image_files import Limits
from annotator.models import WatchedAddress
from annotator.project import ProjectFolder
from annotator.services.common.claims import claimed
from annotator.services.common.job_queue import StoppedError, failures_recorded
from annotator.services.importing.bucket.addresses import (
    begin_listing,
    due_address,
    end_listing,
    fail_listing,
    give_listing_back,
)
from annotator.services.importing.bucket.linked import import_linked
from annotator.services.importing.bucket.objects import lost_objects
from annotator.services.importing.bucket.seen import SeenObjects

_CHECK_SECONDS = 10.0


class BucketWatch:
    """Lists the addresses that are due, one at a time, as an import: no other worker imports meanwhile.

    Args:
        project: the project.
        settings: the limits of files.
    """

    def __init__(self, project: ProjectFolder, settings: Settings) -> None:
        self._project, self._settings = project, settings
        self._next = 0.0

    def run_if_due(
        self, stopped: Callable[[], bool] = lambda: False, begin: Callable[[], None] = lambda: None
    ) -> bool:
        """List an address if one is due, and import what is new; return whether one was. The database is asked every few seconds at most.

        Args:
            stopped: when it returns true, the listing ends before the next image; it is due again at once.
            begin: is called before a listing.
        """
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _CHECK_SECONDS
        if self._due() is None:
            return False
        with claimed(self._project, "import") as held:
            row = self._due() if held is not None else None  # another worker may have listed it meanwhile
            if row is not None:
                begin()
                self._list(row, stopped)
        return row is not None

    def _due(self) -> WatchedAddress | None:
        with self._project.database.read() as session:
            return due_address(session)

    def _list(self, row: WatchedAddress, stopped: Callable[[], bool]) -> None:
        project, settings = self._project, self._settings

        def check(*_: object) -> None:
            if stopped():
                raise StoppedError

        def give_back() -> None:
            with project.database.write() as session:
                give_listing_back(session, row.id)

        def fail(error: str) -> None:
            with project.database.write() as session:
                fail_listing(session, row.id, error)

        log = project.imports / f"error-watch-{row.id:06d}.log"
        with failures_recorded(project.path, log, "What was imported before is kept.", give_back, fail):
            check()
            with project.database.write() as session:
                begin_listing(session, row.id)
            limits = Limits(settings.max_pixels, settings.max_file_bytes, settings.reserve_bytes)
            report, objects = import_linked(
                project, row.url, limits, check, seen=SeenObjects(project, row.url)
            )
            lost = lost_objects(project, row.url, objects)
            with project.database.write() as session:
                end_listing(session, row.id, report, lost)
