"""The tables of the workers: which processes work for the project, and what each of them has claimed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from annotator.models.base import Base


class Worker(Base):
    """A process that works for the project (services/common/claims). Without the row it has no claims.

    `name`: host and process id, for people. `machine`: equal for processes that see each other's file locks. `kinds`: the kinds of
    work that it takes; empty: it is a command. `seen_at`: the worker's last sign of life, by its own clock.
    """

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    machine: Mapped[str]
    kinds: Mapped[list[str]]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class Claim(Base):
    """What one worker does and no other. `token`: random, new with every claim; a transaction of the holder checks it."""

    __tablename__ = "claims"

    name: Mapped[str] = mapped_column(primary_key=True)
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id", ondelete="CASCADE"), index=True)
    token: Mapped[str]
    since: Mapped[datetime]
