"""Erasing names and hashes from texts: reports, logs, messages."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

ERASED = "[erased]"
"""What stands in place of an erased name or hash."""

_QUICK = 8
"""So many names are looked for together; of more, those that a text contains are found first."""


class Words:
    """Names and hashes that no text may contain any more, as whole words: `1.jpg` is not part of `11.jpg`.

    Args:
        words: the names and hashes.
    """

    def __init__(self, words: Collection[str]) -> None:
        self._words = sorted(filter(None, words), key=len, reverse=True)
        self._all = _pattern(self._words) if len(self._words) <= _QUICK else None

    def are_in(self, text: str) -> bool:
        """Return whether a text contains one of them."""
        pattern = self._in(text)
        return pattern is not None and pattern.search(text) is not None

    def erased_from(self, text: str) -> str:
        """Return a text without them."""
        pattern = self._in(text)
        return pattern.sub(ERASED, text) if pattern is not None else text

    def erased_from_json(self, value: Any) -> Any:
        """Return a JSON value without them, in its texts and its keys."""
        if isinstance(value, str):
            return self.erased_from(value)
        if isinstance(value, list):
            return [self.erased_from_json(entry) for entry in value]
        if isinstance(value, dict):
            return {self.erased_from(key): self.erased_from_json(entry) for key, entry in value.items()}
        return value

    def _in(self, text: str) -> re.Pattern[str] | None:
        if self._all is not None or not self._words:
            return self._all
        present = [word for word in self._words if word in text]
        return _pattern(present) if present else None


def json_text(value: Any, indent: int | None) -> bytes:
    """Return a JSON value as the reports are written."""
    return json.dumps(value, ensure_ascii=False, indent=indent).encode(errors="backslashreplace")


def _pattern(words: list[str]) -> re.Pattern[str] | None:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)") if words else None
