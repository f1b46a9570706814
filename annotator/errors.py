"""The errors a user can meet.

FacelabelError            what happened, what was kept, what to do; exit code 1, HTTP 400
├── WrongUse              the command was called in a way that cannot work; exit code 2, HTTP 400
├── NotFound              the named thing does not exist; HTTP 404
├── Conflict              the state changed meanwhile; HTTP 409
├── Forbidden             not from here; HTTP 403
└── NoRoom                the disk is full: the same will work when there is room; HTTP 507
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class FacelabelError(Exception):
    """An error told to the user in full sentences.

    Args:
        code: a short stable name for programs, such as `unknown_value`.
        what: what happened.
        kept: what was kept or left untouched.
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
    """The command or request cannot work as it was given."""

    exit_code = 2


class NotFound(FacelabelError):  # noqa: N818
    """The named thing does not exist."""

    status = 404


class Conflict(FacelabelError):  # noqa: N818
    """The state changed meanwhile."""

    status = 409


class Forbidden(FacelabelError):  # noqa: N818
    """This request is not accepted from where it comes."""

    status = 403


class Unauthorized(FacelabelError):  # noqa: N818
    """Nobody is logged in."""

    status = 401


class TooMany(FacelabelError):  # noqa: N818
    """The same thing was tried too often."""

    status = 429


class NoRoom(FacelabelError):  # noqa: N818
    """The disk is full. A client may send the same request again: it works once there is room."""

    status = 507
