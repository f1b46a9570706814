"""What one process remembers about one project, so that it is not computed again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from sqlalchemy.orm import Session

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class CacheKind(Generic[Key, Value]):
    """A kind of remembered values: a constant of the module that computes them.

    Args:
        size: the number of values that are kept; the one that was used least recently is dropped first.
    """

    size: int


class ProjectCache:
    """The remembered values of one project, by kind and key. Threads may share it; a lost value is computed again.

    A value must not depend on anything but its key, its project and what its module clears or compares.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[CacheKind[Any, Any], OrderedDict[Hashable, Any]] = {}

    def get(self, kind: CacheKind[Key, Value], key: Key) -> Value | None:
        """Return the value of a key; None if none is remembered."""
        with self._lock:
            values = self._values.get(kind)
            if values is None or key not in values:
                return None
            values.move_to_end(key)
            return cast("Value", values[key])

    def put(self, kind: CacheKind[Key, Value], key: Key, value: Value) -> None:
        """Remember a value in place of the previous one."""
        with self._lock:
            values = self._values.setdefault(kind, OrderedDict())
            values[key] = value
            values.move_to_end(key)
            if len(values) > kind.size:
                values.popitem(last=False)

    def get_or_compute(self, kind: CacheKind[Key, Value], key: Key, compute: Callable[[], Value]) -> Value:
        """Return the value of a key, computed and remembered if need be.

        Threads that compute the same value at the same time all get the one that was remembered first.
        """
        value = self.get(kind, key)
        if value is None:
            computed = compute()
            with self._lock:
                values = self._values.setdefault(kind, OrderedDict())
                value = cast("Value", values.setdefault(key, computed))
                values.move_to_end(key)
                if len(values) > kind.size:
                    values.popitem(last=False)
        return value

    def clear(self, kind: CacheKind[Any, Any]) -> None:
        """Forget all values of a kind."""
        with self._lock:
            self._values.pop(kind, None)

    def clear_all(self) -> None:
        """Forget all values of all kinds."""
        with self._lock:
            self._values.clear()


def project_cache(session: Session) -> ProjectCache:
    """Return the cache of the project that a session of `Database` belongs to."""
    return cast("ProjectCache", session.info["project_cache"])
