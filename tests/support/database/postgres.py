"""A PostgreSQL server for the tests, from the distribution's package: on a socket in a temporary folder, gone with the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import psycopg

from annotator.database import open_database
from annotator.database.link import read_link
from tests.support.waiting import wait_until

ADMIN = "facelabel"
MISSING = (
    "The tests need a PostgreSQL server, which Debian's package postgresql has; `make test` installs it. "
    "Without it: pytest --deselect or FACELABEL_TEST_DATABASE unset, and no test that asks for the fixture `postgres`."
)


class PostgresServer:
    """A server of the tests.

    Args:
        folder: the folder of its socket, its data and its log.
        command: starts it.
    """

    def __init__(self, folder: Path, command: Sequence[str | Path]) -> None:
        self._folder, self._command = folder, command
        self._numbers = count(1)
        self._template = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._folder / ".s.PGSQL.5432"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self._folder)
        wait_until(self._answers, "PostgreSQL answers")

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop it. SIGQUIT: at once, as in a crash, so that it must recover when it starts again."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(30)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def url(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql://{ADMIN}@/{name}?host={self._folder}"

    def create(self, template: str = "template0") -> str:
        """Make a database and return its address."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def create_with_tables(self) -> str:
        """Make a database with all tables, none of which has a row, and return its address."""
        if not self._template:
            url = self.create()
            made = open_database(url)
            made.migrate()
            made.close()
            self._template = _name(url)
        return self.create(self._template)

    def copy_project(self, folder: Path, copy: Path) -> str:
        """Copy a project that nobody uses, its folder and its database, and return the address of the new database."""
        shutil.copytree(folder, copy)
        link = read_link(folder)
        assert link is not None
        url = self.create(_name(link.url))
        replace(link, url=url).write(copy)
        return url

    def drop(self, url: str) -> None:
        """Drop a database; its connections end."""
        self.execute(f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Execute a statement beside all databases of the tests."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]


def _name(url: str) -> str:
    return url.split("@/", 1)[1].split("?", 1)[0]


def find_programs() -> Path:
    """The folder of the newest server's programs.

    Raises:
        RuntimeError: if none is installed.
    """
    on_path = shutil.which("postgres")
    if on_path is not None and shutil.which("initdb") is not None:
        return Path(on_path).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda file: int(file.parts[-3]))
    if not folders:
        raise RuntimeError(MISSING)
    return folders[-1].parent


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Start a server and stop it at the end.

    Args:
        durable: commits wait for the disk, as those of a user's server do. The tests' need not survive a power cut.
    """
    programs = find_programs()
    # Not below pytest's folder, which only its own user may enter: PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="facelabel-postgres-"))
    user = _user()
    prefix: list[str] = []
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
        prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    data = folder / "data"
    # An order of words of a language, as most servers have one: Facelabel's columns must not depend on it.
    language = ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8", "--encoding=UTF8"]
    initdb = [
        programs / "initdb",
        "--no-sync",
        "--auth=trust",
        f"--username={ADMIN}",
        *language,
        f"--pgdata={data}",
    ]
    options = {
        "listen_addresses": "",
        "unix_socket_directories": folder,
        "max_connections": 200,
        "shared_buffers": "64MB",
    }
    if not durable:
        options |= dict.fromkeys(("fsync", "full_page_writes", "autovacuum"), "off")
    try:
        subprocess.run([*prefix, *initdb], check=True, capture_output=True, cwd=folder)
        dying = [*prefix, "--pdeathsig=QUIT"] if prefix else ["setpriv", "--pdeathsig=QUIT"]
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        server = PostgresServer(folder, [*dying, programs / "postgres", "-D", data, *arguments])
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> pwd.struct_passwd | None:
    """Who runs the server, if the tests run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody.")
