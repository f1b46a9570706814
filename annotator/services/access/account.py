"""An account, as a request or a command names it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.roles import Role, Scope
from annotator.errors import NotFound
from annotator.models import Labeller, Project


@dataclass(frozen=True)
class Account:
    """The account that sends a request, and by what it is known.

    Args:
        id: its number.
        name: its name.
        role: its role.
        password_hash: the hash of its password; None for the one local user, who does not log in.
        qualified: whether a labeller has passed the qualification, if there is one.
        session_id: the session of a browser; None for a program and for the local user.
        token_id: the token of a program; None for a browser.
        scope: the scope of the token; a browser may do everything that the account may.
        last_used_at: when the session or token was last used, as far as it was written.
    """

    id: int
    name: str
    role: str
    password_hash: str | None
    qualified: bool = True
    session_id: int | None = None
    token_id: int | None = None
    scope: str = Scope.ADMIN
    last_used_at: datetime | None = None

    @property
    def must_qualify(self) -> bool:
        """Whether they are a labeller who must pass the qualification first."""
        return not self.qualified and self.role == Role.LABELLER


def find_account(session: Session, name: str) -> Labeller:
    """Find an account by name.

    Raises:
        NotFound: if there is no such account.
    """
    row = session.scalar(select(Labeller).where(Labeller.name == name))
    if row is None:
        raise NotFound(
            "unknown_account",
            f"There is no account {name!r}.",
            do="List the accounts with `facelabel users list`.",
        )
    return row


def account_number(session: Session, name: str) -> int | None:
    """The number of the account with this name; None if there is none."""
    return session.scalar(select(Labeller.id).where(Labeller.name == name))


def starts_qualified(session: Session, role: str) -> bool:
    """Whether the answers of a new account with this role count from the beginning."""
    return role != Role.LABELLER or not session.scalar(select(Project.qualification_images))
