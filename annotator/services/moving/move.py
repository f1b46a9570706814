"""Move a project to another database: copy while people label, lock, copy the rest, compare, switch over."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from annotator.database.moved import UNFINISHED_REVISION
from annotator.errors import Conflict, FacelabelError
from annotator.services.moving.passes import Pass, settle
from annotator.services.moving.places import Place
from annotator.services.moving.sides import Side
from annotator.services.moving.state import MoveState
from annotator.services.moving.tables import moved_tables

Progress = Callable[[str, int, int, str], None]
"""Is told the stage, the rows that are done, all rows, and a message."""

_MOST_PASSES = 4
_FEW_ROWS = 2000
"""After a pass that changed no more rows than these, the rest is copied under the lock."""


@dataclass(frozen=True)
class MovedRows:
    """A table as both databases have it: its number of rows, and a hash of them."""

    table: str
    rows: int
    digest: str


@dataclass
class MoveReport:
    """What a move did. `written`: rows written by this call; `locked_seconds`: for how long nobody could answer."""

    source: str
    target: str
    written: int = 0
    seconds: float = 0.0
    locked_seconds: float = 0.0
    tables: list[MovedRows] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(table.rows for table in self.tables)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return vars(self) | {"tables": [vars(table) for table in self.tables], "rows": self.rows}


def move(
    source: Place, target: Place, revision: str, switch: Callable[[], None], progress: Progress
) -> MoveReport:
    """Move the project of one database to another one. A move that was interrupted goes on where it was.

    Args:
        source: the project's present database, migrated to `revision`.
        target: an empty database, one that an interrupted move to it filled, or the one that the project was moved from.
        revision: the newest migration.
        switch: lets the project use the target from now on; it changes one file at once, or nothing.
        progress: is told the progress.

    Raises:
        Conflict: if the databases do not belong together, or another move is under way.
        FacelabelError: if a row cannot be copied. The project stays where it is, and people can go on.
    """
    report = MoveReport(source.shown, target.shown)
    begun = time.monotonic()
    with _failures_told(source, target):
        state, is_whole = _begin(source, target, revision)
        if not is_whole:
            _copy(source, target, state, report, progress)
    switch()
    report.seconds = time.monotonic() - begun
    return report


@contextmanager
def _failures_told(source: Place, target: Place) -> Iterator[None]:
    """Tell what a driver says in an expected error."""
    try:
        yield
    except (source.side.failure, target.side.failure) as error:
        place = target if isinstance(error, target.side.failure) else source
        raise FacelabelError(
            "move_failed",
            f"The move stopped, because {place.shown} said: {place.side.words_of(error)}.",
            kept="The project stays in its present database. What was copied is kept.",
            do="Remove the cause, then call the command again.",
        ) from error


def cancel(source: Place) -> str | None:
    """Give up a move that was interrupted after the lock: people can answer again. Return where it went to; None if none is."""
    state = source.side.state()
    if state is None or state.role != "from":
        return None
    source.side.unlock()
    return state.other


def _begin(source: Place, target: Place, revision: str) -> tuple[MoveState, bool]:
    """Return the move that is begun or goes on, and whether only the switch is left of it."""
    token = source.side.project_token()
    assert token is not None, "the source is a project's database"
    here, there = source.side.state(), target.side.state()
    locked = here if here is not None and here.role == "from" else None
    if locked is not None and (there is None or there.move != locked.move):
        raise Conflict(
            "other_move",
            f"The project is being moved to {locked.other}.",
            do=f"Finish that with `facelabel move --to {locked.other}`, or give it up with `facelabel move --cancel`.",
        )
    if there is not None and there.project == token:
        if there.stage == "whole" and locked is not None:
            return there, True
        if there.stage == "filling":
            _check_revision(there, target, revision)
            return there, False
    state = MoveState(secrets.token_hex(16), token, "to", "filling", source.shown, revision)
    if there is not None and there.role == "from" and there.project == token:
        _check_revision(there, target, revision)
    else:
        _make_empty(target, token)
    target.side.begin_filling(state)
    return state, False


def _make_empty(target: Place, token: str) -> None:
    """Create the tables of an empty target.

    Raises:
        Conflict: if it is not empty.
    """
    held = target.side.project_token()
    if held is None and target.side.revision() is None:
        target.make_tables()
    if held is None and target.side.revision() != UNFINISHED_REVISION and target.side.is_empty():
        return
    what = "a copy of this project that may be in use" if held == token else "another project"
    raise Conflict(
        "other_database",
        f"The database {target.shown} holds {what}, and a move never overwrites anything.",
        do="Name an empty database.",
    )


def _check_revision(state: MoveState, target: Place, revision: str) -> None:
    if state.revision != revision:
        raise Conflict(
            "other_revision",
            f"The database {target.shown} was filled by another version of Facelabel (tables {state.revision}, not {revision}).",
            do="Delete it, and move into an empty one.",
        )


def _copy(source: Place, target: Place, state: MoveState, report: MoveReport, progress: Progress) -> None:
    """Copy while people label, then the rest under the lock, and make the target whole."""
    here = source.side.state()
    was_locked = here is not None and here.role == "from"
    last = Pass()
    if not was_locked:
        last = _copy_online(source.side, target.side, report, progress)
    target.side.refresh_statistics()
    begun = time.monotonic()
    try:
        source.side.lock(replace(state, role="from", stage="locked", other=target.shown, statements=[]))
        last = settle(source.side, target.side, last, _teller(progress, "locked", source.side, ""))
        report.written += last.changed
        report.tables = _compare(source.side, target.side, last)
        _check_references(target.side)
        target.side.finish_filling(state, _last_ids(source.side))
    except BaseException:
        with suppress(
            source.side.failure
        ):  # if the source cannot be reached either, `cancel` unlocks it later
            source.side.unlock()
        raise
    report.locked_seconds = time.monotonic() - begun


def _copy_online(source: Side, target: Side, report: MoveReport, progress: Progress) -> Pass:
    """Copy until what people change during a pass is little."""
    last = Pass()
    for number in range(_MOST_PASSES):
        told = _teller(progress, "copying" if number == 0 else "catching up", source, f"pass {number + 1}")
        last = settle(source, target, last, told)
        report.written += last.changed
        if last.changed <= _FEW_ROWS:
            break
    return last


def _teller(progress: Progress, stage: str, source: Side, message: str) -> Callable[[int], None]:
    total = sum(source.count(table) for table in moved_tables())
    done = 0

    def told(rows: int) -> None:
        nonlocal done
        done += rows
        progress(stage, done, max(done, total), message)

    return told


def _compare(source: Side, target: Side, last: Pass) -> list[MovedRows]:
    """Count the rows of every table on both sides, and sum the hashes of their ranges, which are equal, up in one."""
    tables = []
    for table in moved_tables():
        ranges = last.ranges[table.name]
        rows = sum(each.rows for each in ranges)
        counts = (source.count(table), target.count(table))
        if counts != (rows, rows):
            raise FacelabelError(
                "move_differs",
                f"The table {table.name} has {counts[0]} rows in the present database and {counts[1]} in the new one.",
                kept="The project stays in its present database.",
                do="Call the command again; what was copied is kept.",
            )
        whole = hashlib.blake2b(b"".join(each.digest for each in ranges), digest_size=32)
        tables.append(MovedRows(table.name, rows, whole.hexdigest()))
    return tables


def _last_ids(source: Side) -> dict[str, int]:
    return {table.name: source.last_id(table) for table in moved_tables() if table.has_serial_id}


def _check_references(target: Side) -> None:
    broken = target.check_references()
    if broken:
        raise FacelabelError(
            "broken_references",
            f"Rows of {', '.join(broken)} refer to rows that do not exist.",
            kept="The project stays in its present database.",
            do="Call `facelabel doctor`.",
        )
