"""The lock that every process of a project has while it runs, so that no other version migrates the database under it."""

from __future__ import annotations

import fcntl
import os
import pwd
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from annotator.errors import FacelabelError
from annotator.files import cannot_write

_PATIENCE_SECONDS = 2.0
"""Others that are only starting let go of the lock within milliseconds; those that run keep it."""
_PAUSE_SECONDS = 0.02


def require_writable(project: Path) -> None:
    """Check that this user may write to a project's folder, its lock and its database, as every command must.

    Raises:
        FacelabelError: if not. Without this check SQLite would report a database that it cannot write as a damaged one.
    """
    for part in (project, project / ".facelabel.lock", project / "facelabel.db"):
        if part.exists() and not os.access(part, os.W_OK):
            user, owner = os.geteuid(), part.stat().st_uid
            run = "Let" if user == owner else f"Run it as {_name(owner)}, who owns it, or let"
            raise FacelabelError(
                "not_writable",
                f"The user {_name(user)} may not write to {part}. Every command needs that, also one that only reads.",
                do=f"{run} this user write to it. If it is to stay as it is, copy the project and use the copy: "
                f"`cp -r {project} COPY`.",
            )


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


class InUse:
    """A lock on a file: many processes share it, or one has it alone. It ends with the process, or with this object.

    A forked process shares it with the one that it came from.

    Args:
        path: the file; it is made if it is missing.

    Raises:
        FacelabelError: if it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise cannot_write(path, error) from error
        weakref.finalize(self, os.close, self._descriptor)

    def share(self) -> None:
        """Show that this process uses the project. Waits for one that migrates."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def alone(self, is_needed: Callable[[], bool], change: Callable[[], None]) -> bool:
        """Change something while no other process uses the project, and share the lock again.

        Args:
            is_needed: whether the change is still needed: another process may have made it.
            change: makes it.

        Returns:
            False if the change is needed and others use the project. Then nothing was changed and the lock is free.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while is_needed():
            # Those who wait for each other would wait for ever, so nobody holds the lock while they ask for it alone.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(_PAUSE_SECONDS)
                self.share()
                continue
            if is_needed():
                change()
            self.share()
        return True
