"""The log of the server and the worker: plain lines, or a JSON object a line for programs that collect logs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from annotator.config import Settings

FIELDS = ("request_id", "method", "path", "route", "status", "milliseconds")
"""What a line about a request says besides its message."""


def set_up_logging(settings: Settings, request: Callable[[], dict[str, Any]] = dict) -> None:
    """Write the log to standard error.

    Args:
        settings: whether as text (warnings and errors) or as JSON (also a line for each request).
        request: gives fields of the request that is being answered, for other messages of its thread.
    """
    handler = logging.StreamHandler()
    if settings.log == "json":
        handler.setFormatter(JsonFormatter(request))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("facelabel.requests").setLevel(
        logging.INFO if settings.log == "json" else logging.WARNING
    )
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns when a request waits a moment


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object.

    Args:
        request: gives fields of the request that is being answered.
    """

    def __init__(self, request: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self._request = request

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._request(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
