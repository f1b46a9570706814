"""The tables of accounts: labellers, tokens, log-ins, and the access log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from annotator.models.base import Base


class Labeller(Base):
    """A person or a program that answers."""

    __tablename__ = "labellers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str] = mapped_column(server_default="labeller")  # a Role
    password_hash: Mapped[str | None]  # null: cannot log in with a password
    active: Mapped[bool] = mapped_column(server_default="1")
    # False: a labeller who must pass the qualification before anything else (services/team/qualification)
    qualified: Mapped[bool] = mapped_column(server_default="1")
    created_at: Mapped[datetime | None]
    # image id -> until when the labeller looks at its face, in seconds of Unix time (services/people/held_faces)
    faces_held: Mapped[dict[str, Any]] = mapped_column(server_default="{}")


class ApiToken(Base):
    """A token that a program sends instead of a password. Only its hash is stored."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"), index=True)
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]  # written rarely, see services/access/recorder
    revoked_at: Mapped[datetime | None]
    scope: Mapped[str] = mapped_column(server_default="admin")  # a Scope
    expires_at: Mapped[datetime | None]


class LoginSession(Base):
    """A browser that is logged in. Its cookie holds a random token, of which only the hash is stored.

    `id_token`: what an OpenID Connect provider signed at the login; it is sent back to the provider at the logout.
    """

    __tablename__ = "sessions"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's way

    id: Mapped[int] = mapped_column(primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    device: Mapped[str]
    address: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]  # written rarely, see services/access/recorder
    expires_at: Mapped[datetime]
    id_token: Mapped[str | None]


class Identity(Base):
    """The account of somebody who logs in through an OpenID Connect provider, which knows them as `subject`."""

    __tablename__ = "identities"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"), index=True)


class FailedLogins(Base):
    """How many failed log-ins are still allowed for a name or an address (annotator/domain/login_throttle).

    `key`: a keyed hash, so that what people type into the field for the name is not stored. `level`: how many failures were
    still allowed at `at`. `refused`: whether an attempt was refused since the last one that was allowed.
    """

    __tablename__ = "failed_logins"

    key: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[float]
    at: Mapped[datetime]
    refused: Mapped[bool]


class AccessEntry(Base):
    """One entry of the access log. It names accounts, images and files by number or by the project's own names for them.

    `kind`: an AccessKind. `labeller_id`: who; null if nobody is logged in. `address`: the client's, or "command". `event`: what
    happened, a short name for programs. `target`: to what, such as "image 7".
    """

    __tablename__ = "access_log"
    __table_args__ = (
        Index("ix_access_log_kind", "kind", "id"),
        Index("ix_access_log_labeller", "labeller_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    labeller_id: Mapped[int | None] = mapped_column(ForeignKey("labellers.id"))
    address: Mapped[str]
    event: Mapped[str]
    target: Mapped[str]
