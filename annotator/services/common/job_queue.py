"""The worker's queue of imports and of rounds: rows of their tables are claimed, given back or failed."""

from __future__ import annotations

import fcntl
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotator.domain.states import UNFINISHED, JobState
from annotator.errors import FacelabelError
from annotator.models import Import, Round, now
from annotator.project import ProjectFolder

Job = TypeVar("Job", Import, Round)


class StoppedError(Exception):
    """The worker was asked to stop during a job."""


def has_unfinished(session: Session, table: type[Import | Round]) -> bool:
    """Return whether there is a job for the worker. It is called several times a second and takes no lock."""
    return session.scalar(select(table.id).where(table.state.in_(UNFINISHED)).limit(1)) is not None


def claim(
    session: Session, table: type[Job], max_attempts: int, give_up: Callable[[Job], None]
) -> Job | None:
    """Mark the oldest unfinished row as running and return it; None if there is no such row.

    The caller holds the worker's lock, so that a row that is running already was interrupted. It is started again, up to
    `max_attempts` times in all; then `give_up` fails it.
    """
    while True:
        row = session.scalar(select(table).where(table.state.in_(UNFINISHED)).order_by(table.id).limit(1))
        if row is None:
            return None
        if row.attempts < max_attempts:
            row.state, row.attempts = JobState.RUNNING, row.attempts + 1
            row.started_at = row.started_at or now()
            session.flush()
            return row
        give_up(row)
        session.flush()
        session.expire_all()


def give_back(session: Session, table: type[Import | Round], number: int, **values: Any) -> None:
    """Give a row back to the queue because the worker was stopped; the attempt does not count."""
    session.execute(
        update(table)
        .where(table.id == number, table.state == JobState.RUNNING)
        .values(state=JobState.QUEUED, attempts=table.attempts - 1, **values)
    )


class CancelledError(Exception):
    """Somebody cancelled a job while it ran; its row says so already."""


def worker_lock(project: ProjectFolder) -> AbstractContextManager[bool]:
    """Try to take the lock of the process that runs imports and rounds; yields whether it was free."""
    return _try_lock(project.path / "worker.lock")


def analysis_lock(project: ProjectFolder) -> AbstractContextManager[bool]:
    """Try to keep analyses of rounds from running; yields whether none is running."""
    return _try_lock(project.path / "analysis.lock")


@contextmanager
def _try_lock(path: Path) -> Iterator[bool]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def failures_recorded(
    project: Path, log: Path, kept: str, give_back: Callable[[], None], fail: Callable[[str], None]
) -> Iterator[None]:
    """Record the failure of a job in its row, whatever happens, so that the worker goes on. A cancelled job is no failure.

    Args:
        project: the project's folder.
        log: the file in it for the traceback of an unexpected error.
        kept: what such an error left unchanged, as a sentence.
        give_back: called if the worker was stopped.
        fail: called with the error's message.
    """
    try:
        yield
    except StoppedError:
        give_back()
    except CancelledError:
        return
    except FacelabelError as error:
        fail(str(error))
    except Exception as error:  # noqa: BLE001 - one job must not end the worker
        with suppress(OSError):  # a full disk
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(traceback.format_exc(), errors="backslashreplace")
        fail(f"{type(error).__name__}: {error}\n{kept} Details are in {log.relative_to(project)}.")
