"""Failed log-ins, counted in the database so that all web processes of a project count together."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from annotator.domain.login_throttle import LONGEST_SECONDS, Rule, rules_of
from annotator.models import FailedLogins, now
from annotator.project import ProjectFolder


@dataclass(frozen=True)
class Attempt:
    """An attempt to log in. `wait`: seconds until it is allowed; 0 if it is, and then a place is taken.

    `first`: it is the first one that is refused since the last one that was allowed.
    """

    wait: float
    first: bool = False
    rules: tuple[tuple[str, Rule], ...] = ()


class LoginThrottle:
    """Counts failed log-ins. A place is taken before a password is checked, so that many at once do not get past it.

    Args:
        project: the project.
        clock: gives the time.
    """

    def __init__(self, project: ProjectFolder, clock: Callable[[], datetime] = now) -> None:
        self._project, self._clock = project, clock

    def attempt(self, name: str, address: str, device: str | None = None) -> Attempt:
        """Take a place for an attempt, if it is allowed.

        Args:
            name: the name that somebody logs in with.
            address: the client's network address.
            device: the browser's random name, if it logged in with this name before.
        """
        secret = self._project.secret_key()
        rules = {_hashed(secret, key): rule for key, rule in rules_of(name, address, device).items()}
        last = [*rules][-1]
        with self._project.database.read() as session:
            levels, refused = self._read(session, rules)
        if last in refused and (wait := _wait(rules, levels)) > 0:
            return Attempt(wait)  # going on guessing writes nothing
        with self._project.database.write(durable=False) as session:
            levels, refused = self._read(session, rules)
            wait = _wait(rules, levels)
            if wait > 0:
                self._write(session, last, levels[last], refused=True)
                return Attempt(wait, first=last not in refused)
            for key in rules:
                self._write(session, key, levels[key] - 1, refused=False)
            full_again = self._clock() - timedelta(seconds=LONGEST_SECONDS)
            session.execute(delete(FailedLogins).where(FailedLogins.at < full_again))
        return Attempt(0.0, rules=tuple(rules.items()))

    def give_back(self, attempt: Attempt) -> None:
        """Give back the place of an attempt that did not fail."""
        if not attempt.rules:
            return
        rules = dict(attempt.rules)
        with self._project.database.write(durable=False) as session:
            levels, refused = self._read(session, rules)
            for key, rule in rules.items():
                level = min(rule.failures, levels[key] + 1)
                self._write(session, key, level, refused=key in refused)

    def _read(self, session: Session, rules: dict[str, Rule]) -> tuple[dict[str, float], set[str]]:
        """How many failures each rule allows now, and which keys were refused last."""
        time = self._clock()
        rows = {
            row.key: row for row in session.scalars(select(FailedLogins).where(FailedLogins.key.in_(rules)))
        }
        levels = {
            key: rule.level(rows[key].level, (time - rows[key].at).total_seconds())
            if key in rows
            else float(rule.failures)
            for key, rule in rules.items()
        }
        return levels, {key for key, row in rows.items() if row.refused}

    def _write(self, session: Session, key: str, level: float, *, refused: bool) -> None:
        session.merge(FailedLogins(key=key, level=level, at=self._clock(), refused=refused))


def _wait(rules: dict[str, Rule], levels: dict[str, float]) -> float:
    return max(rule.wait(levels[key]) for key, rule in rules.items())


def _hashed(secret: bytes, key: str) -> str:
    """People type passwords into the field for the name, so it is stored as a keyed hash."""
    return hmac.new(secret, f"failed log-ins {key}".encode(), hashlib.sha256).hexdigest()[:32]
