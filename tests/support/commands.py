"""The command `facelabel` as a user calls it, and the contents of a project to compare before and after."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from annotator.cli import main

DATABASE_FILES = {"facelabel.db", "facelabel.db-wal", "facelabel.db-shm", "facelabel.db-generation"}


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def assert_refused(self, code: int, *words: str) -> None:
        """It ended with this exit code and told why in sentences, not in a traceback."""
        assert self.code == code, self
        assert "Traceback" not in self.out + self.err
        for word in words:
            assert word in self.err, self.err

    def assert_done(self) -> None:
        assert self.code == 0, self
        assert "Traceback" not in self.out + self.err


def run(*arguments: object, **environment: str) -> Finished:
    """Call the command in a separate process, as a user does."""
    done = subprocess.run(
        [sys.executable, "-m", "annotator", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def call(*arguments: object, typed: str = "") -> Finished:
    """Call the command in this process: the same code, without the seconds that Python takes to start.

    `typed` is its standard input.
    """
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], typed, prog_name="facelabel")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception  # a user would have seen a traceback
    return Finished(result.exit_code, result.stdout, result.stderr)


def contents(project: Path) -> dict[str, str]:
    """Everything a project holds: each row of its database and the hash of each of its other files."""
    held = files(project)
    if (project / "facelabel.db").exists():
        with closing(sqlite3.connect(project / "facelabel.db")) as database:
            held["facelabel.db"] = "\n".join(database.iterdump())
    return held


def files(folder: Path) -> dict[str, str]:
    """The hash of each file below a folder, but for databases; other things by their kind."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.name not in DATABASE_FILES:
            content = path.read_bytes() if path.is_file() else str(path.is_dir()).encode()
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(content).hexdigest()
    return found
