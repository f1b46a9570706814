"""The errors that users see.

FacelabelError                what happened, what was kept, what to do; exit code 1, HTTP 400
├── WrongUse                  the command or request cannot work with these arguments; exit code 2, HTTP 400
├── Unauthorized              the caller is not logged in; HTTP 401
├── Forbidden                 the caller may not do this; HTTP 403
├── NotFound                  the named thing does not exist; HTTP 404
├── Conflict                  the state has changed meanwhile; HTTP 409
├── TooMany                   the same was tried too often, or too much runs at once; HTTP 429
├── Busy                      the server is at work for others; HTTP 503
│   └── DatabaseUnreachable   the database's server does not answer; HTTP 503
└── NoRoom                    the disk is full; HTTP 507
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class FacelabelError(Exception):
    """An error that tells the user in full sentences what happened and what to do.

    Args:
        code: a short stable name for programs, such as `unknown_value`.
        what: what happened.
        kept: what was kept or left unchanged.
        do: what the user can do now.
    """

    code: str
    what: str
    kept: str = "Nothing was changed."
    do: str = ""

    exit_code = 1
    status = 400

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.kept, self.do) if part)

    def as_dict(self) -> dict[str, dict[str, str]]:
        """The one JSON shape of an error."""
        return {"error": {"code": self.code, "what": self.what, "kept": self.kept, "do": self.do}}


class WrongUse(FacelabelError):  # noqa: N818 - the base class carries the word Error
    """The command or request cannot work with these arguments."""

    exit_code = 2


class NotFound(FacelabelError):  # noqa: N818
    """The named thing does not exist."""

    status = 404


class Conflict(FacelabelError):  # noqa: N818
    """The state has changed meanwhile."""

    status = 409


class Forbidden(FacelabelError):  # noqa: N818
    """The caller, or the site that the request comes from, may not do this."""

    status = 403


class Unauthorized(FacelabelError):  # noqa: N818
    """The caller is not logged in."""

    status = 401


@dataclass(eq=False)
class TooMany(FacelabelError):  # noqa: N818
    """The same was tried too often, or too much of its kind runs at once.

    `retry_after`: seconds until it may be tried again; None if that is not known.
    """

    retry_after: int | None = None

    status = 429


class Busy(FacelabelError):  # noqa: N818
    """The server does as much of this as it can. The same request succeeds a moment later."""

    status = 503


class DatabaseUnreachable(Busy):
    """The database's server does not answer. The same request succeeds once it does."""


class NoRoom(FacelabelError):  # noqa: N818
    """The disk is full. The same request succeeds once there is room."""

    status = 507
