"""The workers' queue of imports and of rounds: rows of their tables are begun, given back or failed. The kinds of work."""

from __future__ import annotations

import fcntl
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotator.domain.states import UNFINISHED, JobState
from annotator.errors import DatabaseUnreachable, FacelabelError, WrongUse
from annotator.models import Import, Round, now
from annotator.project import ProjectFolder
from annotator.services.common.claims import LostClaimError

Job = TypeVar("Job", Import, Round)

KINDS = {
    "import": "imports of uploaded files and of what is new in watched buckets, one after the other",
    "train": "rounds, and when one is due",
    "features": "features of new images, shared by all workers that take them",
    "faces": "the search for faces, shared by all workers that take it",
    "groups": "near-duplicates",
    "analyses": "analyses of rounds, the map, pruning, relabeling",
    "statistics": "statistics of large projects, models of labellers",
    "answers": "take-backs and certificates",
    "backups": "scheduled backups",
}
"""The kinds of work that a worker can be limited to, and what each of them is."""


def parse_kinds(text: str) -> tuple[str, ...]:
    """Read a list of kinds with commas between them; "" stands for all.

    Raises:
        WrongUse: if there is no such kind.
    """
    kinds = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise WrongUse(
            "unknown_kind", f"There is no kind of work {unknown[0]!r}.", do=f"Choose from {', '.join(KINDS)}."
        )
    return kinds or tuple(KINDS)


class StoppedError(Exception):
    """The worker was asked to stop during a job."""


def has_unfinished(session: Session, table: type[Import | Round]) -> bool:
    """Return whether there is a job for the worker. It is called several times a second and takes no lock."""
    return session.scalar(select(table.id).where(table.state.in_(UNFINISHED)).limit(1)) is not None


def claim(
    session: Session, table: type[Job], max_attempts: int, give_up: Callable[[Job], None]
) -> Job | None:
    """Mark the oldest unfinished row as running and return it; None if there is no such row.

    The caller has the claim of these jobs, so that a row that is running already was interrupted. It is started again, up to
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


@contextmanager
def analysis_lock(project: ProjectFolder) -> Iterator[bool]:
    """Try to keep analyses of rounds from running on this machine; yields whether none is running."""
    with (project.path / "analysis.lock").open("w") as file:
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

    A job that another worker has now is left to it: LostClaimError is raised. So is DatabaseUnreachable: the database could
    not store the failure, and the job goes on once it answers.

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
    except (LostClaimError, DatabaseUnreachable):
        raise
    except FacelabelError as error:
        fail(str(error))
    except Exception as error:  # noqa: BLE001 - one job must not end the worker
        details = traceback.format_exc()
        fail(f"{type(error).__name__}: {error}\n{kept} Details are in {log.relative_to(project)}.")
        with suppress(OSError):  # a full disk
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(details, errors="backslashreplace")
