"""Tell whether a database file and the write-ahead log beside it belong together.

SQLite serves any log together with any file of the same page size. After a crash, an older copy of the file that is put back
beside the newer log would therefore show a mixture of both as if it were sound.

Every file has a mark, a random number in SQLite's `user_version`. A durable commit gives it a new one when the log was started
anew (its salt has changed), when a process writes for the first time, and once a minute. A small file beside the database names
the marks that a file below the present log can have: the one that it had when the log was started anew, because the log before
was moved into the file as a whole, and all later ones. A file with another mark is a stranger to the log.

The names are written before the commit, under the write lock, so a crash at any moment leaves a file that is named. An older
copy is recognised if the log was started anew after the mark of the copy was replaced. If the log was not started anew since
the copy, it still holds everything since then, and the two together are sound.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pysqlite3

from annotator.errors import FacelabelError
from annotator.files import write_atomically

_SALT_AT, _SALT_BYTES, _LOG_HEADER = 16, 8, 32
"""Where the header of a write-ahead log holds its salt, and the size of the header."""
_MARK_SECONDS = 60.0
_LOOKS = 5


def new_mark() -> int:
    """Return a random mark."""
    return 1 + secrets.randbelow(2**31 - 2)


class DatabaseGeneration:
    """The marks of one database file.

    Args:
        database: the file.
    """

    def __init__(self, database: Path) -> None:
        self._database = str(database)
        self._log = f"{database}-wal"
        self._names = Path(f"{database}-generation")
        self._salt: bytes | None = None
        self._due = 0.0
        self._opening = threading.Lock()
        self._descriptor: int | None = None

    def check(self) -> None:
        """Check that the database file may be read together with the log beside it.

        Raises:
            FacelabelError: if the log belongs to another file.
        """
        try:
            self._check()
        finally:
            self.close()  # nobody may have the database open, and then the next one to close it removes the log

    def _check(self) -> None:
        for _ in range(_LOOKS):
            named, mark = self._read_names(), self._read_mark()
            if named is None or mark is None or mark in named[1]:
                return
            if self._read_salt() is None:
                self._names.unlink(missing_ok=True)  # another file without a log is what somebody wanted
                return
            if self._read_names() == named:  # no other process was at it
                raise FacelabelError(
                    "other_log",
                    f"{self._log} belongs to another state of {Path(self._database).name}, as if an older copy of the "
                    "database had been put back beside a newer log. Both together would show wrong data.",
                    kept="Nothing was opened or changed.",
                    do="Put back the database file that belongs to the log. To go on with the older copy, without the answers "
                    f"of the log, move {Path(self._log).name} and its -shm file to another folder. If file and log were "
                    f"copied here together, remove {self._names.name}.",
                )
            time.sleep(0.01)

    def needs_mark(self) -> bool:
        """Return whether the next durable commit sets a new mark."""
        salt = self._read_salt()
        return salt is not None and (salt != self._salt or time.monotonic() >= self._due)

    def new_mark(self, current: int) -> int:
        """Name a new mark and return it, to be set in this transaction. The caller holds the write lock.

        Args:
            current: the mark that the transaction sees.

        Raises:
            FacelabelError: if it cannot be written.
        """
        salt, named, mark = self._read_salt() or b"", self._read_names(), new_mark()
        earlier = named[1] if named is not None and named[0] == salt.hex() else []
        marks = [*dict.fromkeys((*earlier, self._read_mark() or 0, current)), mark]
        content = json.dumps({"marks": marks, "salt": salt.hex()}) + "\n"
        write_atomically(self._names, content.encode())
        self._salt, self._due = salt, time.monotonic() + _MARK_SECONDS
        return mark

    def _read_names(self) -> tuple[str, list[int]] | None:
        """The salt of the log that the names were written for, and the marks; None if they are missing or damaged."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            names = json.loads(self._names.read_bytes())
            return str(names["salt"]), [int(mark) for mark in names["marks"]]
        return None

    def _read_salt(self) -> bytes | None:
        """The salt of the log; None if the log is missing or empty."""
        header = self._read_log(_LOG_HEADER)
        return header[_SALT_AT : _SALT_AT + _SALT_BYTES] if len(header) == _LOG_HEADER else None

    def _read_log(self, count: int) -> bytes:
        """The first bytes of the log, which SQLite never locks and keeps as long as anybody has the database open."""
        with self._opening:
            if self._descriptor is None:
                try:
                    self._descriptor = os.open(self._log, os.O_RDONLY)
                except OSError:
                    return b""
            return os.pread(self._descriptor, count, 0)

    def close(self) -> None:
        """Close the log; call it when this process no longer has the database open."""
        with self._opening:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = None

    def _read_mark(self) -> int | None:
        """The mark of the database file itself, without the log; None if it cannot be read.

        SQLite reads it, because a process that opens and closes the file otherwise gives up the locks that SQLite has on it
        (POSIX advisory locks), and another process would then remove the log that this one still uses.
        """
        try:
            with closing(
                pysqlite3.connect(f"{Path(self._database).absolute().as_uri()}?immutable=1", uri=True)
            ) as file:
                return int(file.execute("PRAGMA user_version").fetchone()[0])
        except pysqlite3.Error:
            return None
