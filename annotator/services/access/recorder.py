"""What requests note in memory and a thread writes some seconds later, so that no request waits for the write lock.

Two things are noted: that a session or token was used, and that somebody saw the answers to an image. A kill loses the notes
of the last seconds; everything else in the access log is written with what it tells of.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from annotator.errors import FacelabelError
from annotator.models import ApiToken, LoginSession, now
from annotator.project import ProjectFolder
from annotator.services.access.account import Account
from annotator.services.access.log import Event, record, record_all
from annotator.services.access.log_file import follow_access_log

USE_WRITTEN_EVERY = timedelta(minutes=10)
"""The last use of a session or token is written at most so often."""
_PAUSE_SECONDS = 2.0
_log = logging.getLogger("facelabel")


class AccessRecorder:
    """Collects notes of requests, and writes them and the file of the access log in a thread of the server."""

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._sessions: dict[int, datetime] = {}
        self._tokens: dict[int, datetime] = {}
        self._seen: dict[tuple[int, str], tuple[datetime, str]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)

    def used(self, account: Account) -> None:
        """Note that a session or token was used, unless a recent use is written already."""
        time = now()
        if account.last_used_at is not None and time - account.last_used_at < USE_WRITTEN_EVERY:
            return
        with self._lock:
            if account.session_id is not None:
                self._sessions[account.session_id] = time
            elif account.token_id is not None:
                self._tokens[account.token_id] = time

    def saw_answers(self, account: Account, what: str, address: str) -> None:
        """Note that somebody saw whose answer is what. What happens twice before it is written counts once.

        Args:
            account: who.
            what: of what, such as "image 7".
            address: the client's.
        """
        with self._lock:
            self._seen.setdefault((account.id, what), (now(), address))

    def tell(self, labeller_id: int | None, address: str, event: Event, target: str = "") -> None:
        """Add an entry to the access log at once. If that fails, the server's log has it."""
        try:
            with self._project.database.write() as session:
                record(session, labeller_id, address, event, target)
        except (FacelabelError, SQLAlchemyError) as error:
            _log.warning(
                "not in the access log: %s of account %s from %s (%s): %s", event, labeller_id, address, target, error
            )  # fmt: skip

    def start(self) -> None:
        """Write from now on, every two seconds."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is noted, and end the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def write(self) -> None:
        """Write what is noted, and bring the file up to date.

        Raises:
            FacelabelError, SQLAlchemyError, OSError: if that is not possible; the notes stay.
        """
        with self._lock:
            sessions, tokens, seen = self._sessions, self._tokens, self._seen
            self._sessions, self._tokens, self._seen = {}, {}, {}
        try:
            if sessions or tokens or seen:
                self._write_notes(sessions, tokens, seen)
        except (FacelabelError, SQLAlchemyError):
            with self._lock:
                self._sessions = sessions | self._sessions
                self._tokens = tokens | self._tokens
                self._seen = seen | self._seen
            raise
        follow_access_log(self._project)

    def _write_notes(
        self,
        sessions: dict[int, datetime],
        tokens: dict[int, datetime],
        seen: dict[tuple[int, str], tuple[datetime, str]],
    ) -> None:
        with self._project.database.write(durable=False) as session:
            for table, uses in ((LoginSession, sessions), (ApiToken, tokens)):
                for number, time in uses.items():
                    session.execute(update(table).where(table.id == number).values(last_used_at=time))
            record_all(
                session,
                [
                    (time, who, address, Event.ANSWERS_SEEN, what)
                    for (who, what), (time, address) in seen.items()
                ],
            )

    def _run(self) -> None:
        told = False
        while True:
            ended = self._stopping.wait(_PAUSE_SECONDS)
            try:
                self.write()
                told = False
            except (FacelabelError, SQLAlchemyError, OSError) as error:
                if not told:  # once per trouble, not every two seconds
                    _log.warning("the access log could not be written, and is tried again: %s", error)
                told = True
            if ended:
                return
