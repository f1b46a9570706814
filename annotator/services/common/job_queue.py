"""What imports and rounds have in common: their table is the worker's queue, and a row of it is claimed, given back or failed."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotator.domain.states import UNFINISHED, JobState
from annotator.errors import FacelabelError
from annotator.models import Import, Round, now

Work = TypeVar("Work", Import, Round)


class StoppedError(Exception):
    """The worker was asked to end in the middle of its work."""


def has_unfinished(session: Session, table: type[Import | Round]) -> bool:
    """Whether there is anything for the worker to do: asked several times a second, so it takes no lock."""
    return session.scalar(select(table.id).where(table.state.in_(UNFINISHED)).limit(1)) is not None


def claim(
    session: Session, table: type[Work], max_attempts: int, give_up: Callable[[Work], None]
) -> Work | None:
    """The oldest unfinished row, marked as running.

    The caller holds the worker's lock, so a row that is marked as running already was interrupted: it is begun again,
    `max_attempts` times at most; then `give_up` fails it.
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
    """The worker was stopped on purpose: the next one goes on, and the attempt does not count."""
    session.execute(
        update(table)
        .where(table.id == number)
        .values(state=JobState.QUEUED, attempts=table.attempts - 1, **values)
    )


@contextmanager
def ended_well(
    project: Path, log: Path, kept: str, give_back: Callable[[], None], fail: Callable[[str], None]
) -> Iterator[None]:
    """Whatever happens to a piece of work, its row says so and the worker lives on.

    Args:
        project: the project's folder.
        log: where in it the traceback of an error goes that nobody expected.
        kept: what such an error left untouched, as a sentence.
        give_back: called when the worker was stopped.
        fail: called with what is told.
    """
    try:
        yield
    except StoppedError:
        give_back()
    except FacelabelError as error:
        fail(str(error))
    except Exception as error:  # noqa: BLE001 - see above
        with suppress(OSError):  # a full disk
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(traceback.format_exc(), errors="backslashreplace")
        fail(f"{type(error).__name__}: {error}\n{kept} Details are in {log.relative_to(project)}.")
