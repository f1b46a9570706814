"""The mark that a move leaves in both databases: which move it is, and how far it came."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal


@dataclass(frozen=True)
class MoveState:
    """One move as one of its two databases knows it.

    `move`: a random id, the same in both. `project`: the token of the project. `role`: whether rows go from here or to here.
    `stage`: `locked` (from here; every writer is refused), `filling` or `whole` (to here). `other`: the other database, without
    a password. `revision`: of the tables. `statements`: what must run when all rows are there (references between tables).
    """

    move: str
    project: str
    role: Literal["from", "to"]
    stage: Literal["locked", "filling", "whole"]
    other: str
    revision: str
    statements: list[str] = field(default_factory=list)

    def dumps(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> MoveState:
        """Read it from JSON."""
        return cls(**json.loads(text))
