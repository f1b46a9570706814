"""Make the tables of the target equal to those of the source, range by range of their primary keys.

A pass reads every row of the source. A range whose hash is the same as after the pass before is equal in the target, which
nobody else writes into. Of every other range the target's rows are read and compared, what differs is written, and the range is
read from the target again. A pass over a target that an interrupted move filled therefore only compares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from annotator.errors import FacelabelError
from annotator.services.moving.sides import ConflictingRowsError, Side
from annotator.services.moving.tables import Key, MovedTable, Row, digest, moved_tables

ROWS = 5000
"""The rows of a range when it is first read."""
_ATTEMPTS = 3

Told = Callable[[int], None]
"""Is told how many rows a range had."""


@dataclass(frozen=True)
class Range:
    """A range of keys that ends with `upto` and has the same rows in both databases; the last one of a table has no end."""

    upto: Key | None
    rows: int
    digest: bytes


@dataclass
class Pass:
    """What a pass found: the ranges of every table, and how many rows it wrote or deleted."""

    ranges: dict[str, list[Range]] = field(default_factory=dict)
    changed: int = 0


def settle(source: Side, target: Side, before: Pass, told: Told) -> Pass:
    """Make every table of the target equal to the source's.

    Args:
        source: where the rows come from.
        target: where they go; nobody else writes there.
        before: the pass before; an empty one if there was none.
        told: is told the progress.

    Raises:
        FacelabelError: if the target does not give back what was written.
    """
    done = Pass()
    for table in moved_tables():
        ranges, changed = _settle_table(source, target, table, before.ranges.get(table.name, []), told)
        done.ranges[table.name] = ranges
        done.changed += changed
    return done


def _settle_table(
    source: Side, target: Side, table: MovedTable, known: list[Range], told: Told
) -> tuple[list[Range], int]:
    """Settle one table. Where a unique value went from one row to another, what is out of date is deleted first."""
    for _ in range(_ATTEMPTS):
        work = _TableWork(source, target, table)
        try:
            work.walk(known, told)
        except ConflictingRowsError as error:
            conflict, known = error, []
            _TableWork(source, target, table, inserting=False).walk([], lambda _rows: None)
        except (source.failure, target.failure) as error:
            side = target if isinstance(error, target.failure) else source
            raise FacelabelError(
                "move_failed",
                f"The table {table.name} could not be copied: {side.words_of(error)}.",
                kept="The project stays in its present database. What was copied is kept.",
                do="Remove the cause, then call the command again.",
            ) from error
        else:
            return work.ranges, work.changed
    raise _differs(table, f"rows with the same unique value: {conflict}")


class _TableWork:
    """One walk over a table. `inserting`: False only deletes what is out of date in the target."""

    def __init__(self, source: Side, target: Side, table: MovedTable, *, inserting: bool = True) -> None:
        self._source, self._target, self._table, self._inserting = source, target, table, inserting
        self.ranges: list[Range] = []
        self.changed = 0

    def walk(self, known: list[Range], told: Told) -> None:
        """Settle the known ranges again, then cut what comes after them into new ones."""
        after: Key | None = None
        for each in known:
            if each.upto is None:
                break
            rows = self._source.read(self._table, after, each.upto)
            self._settle_range(after, each.upto, rows, each.digest)
            after = each.upto
            told(len(rows))
        while True:
            rows = self._source.read(self._table, after, None, ROWS)
            upto = self._table.key_of(rows[-1]) if len(rows) == ROWS else None
            self._settle_range(after, upto, rows, None)
            told(len(rows))
            if upto is None:
                return
            after = upto

    def _settle_range(
        self, after: Key | None, upto: Key | None, rows: list[Row], known: bytes | None
    ) -> None:
        now = digest(rows)
        if now != known:
            held = self._target.read(self._table, after, upto)
            if digest(held) != now:
                self._write_differences(rows, held)
                if self._inserting and digest(self._target.read(self._table, after, upto)) != now:
                    raise _differs(self._table, f"the rows after {after}")
        self.ranges.append(Range(upto, len(rows), now))

    def _write_differences(self, rows: list[Row], held: list[Row]) -> None:
        ours = {self._table.key_of(row): row for row in rows}
        theirs = {self._table.key_of(row): row for row in held}
        gone = [key for key, row in theirs.items() if ours.get(key) != row]
        new = [row for key, row in ours.items() if theirs.get(key) != row] if self._inserting else []
        self._target.write(self._table, gone, new)
        self.changed += max(len(gone), len(new))


def _differs(table: MovedTable, what: str) -> FacelabelError:
    return FacelabelError(
        "move_differs",
        f"The table {table.name} is not the same in both databases: {what}.",
        kept="The project stays in its present database.",
        do="Report this as a fault of Facelabel.",
    )
