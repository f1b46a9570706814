"""A limit of the calls that take long: an answer to an image must always find a free thread."""

from __future__ import annotations

import threading
from collections import Counter

from flask import Flask, g, request

from annotator.errors import TooMany

HEAVY = frozenset(
    {
        "erasures_api.erase",
        "erasures_api.preview",
        "export_files.coursework_file",
        "export_files.labels_file",
        "exports_api.create",
        "groups_api.show_leaks",
        "insights.numbers",
        "insights.show_insights",
        "mapping_api.preview",
        "people_corrections.split",
        "rounds_api.show_changes",
        "schema_api.apply",
        "schema_api.preview",
        "selection.change",
        "selection.preview",
        "selection.undo",
        "snapshot_files.changed_cells",
        "snapshots_api.create",
        "snapshots_api.diff",
        "snapshots_api.verify",
        "splits_api.balance",
        "splits_api.show_splits",
        "take_backs.create",
        "take_backs.preview",
        "take_backs.undo",
        "team.run_aggregation",
        "team.show_aggregation",
        "team.show_team",
    }
)
"""Routes that read or write a whole project, folder or selection."""

RETRY_SECONDS = 1


class HeavyCalls:
    """Counts the heavy calls that run.

    Args:
        in_all: how many may run at once.
        per_account: how many of them may be of one account.
    """

    def __init__(self, in_all: int, per_account: int) -> None:
        self._in_all, self._per_account = in_all, per_account
        self._running: Counter[int] = Counter()
        self._lock = threading.Lock()

    def begin(self, account: int) -> None:
        """Count a call.

        Raises:
            TooMany: if too many run.
        """
        with self._lock:
            if self._running[account] >= self._per_account or self._running.total() >= self._in_all:
                raise TooMany(
                    "too_many_at_once",
                    "The server is at work on other large requests.",
                    do="Send the request again in a moment.",
                    retry_after=RETRY_SECONDS,
                )
            self._running[account] += 1

    def end(self, account: int) -> None:
        """Count it no more."""
        with self._lock:
            self._running[account] -= 1
            if not self._running[account]:
                del self._running[account]


def limit_heavy_calls(app: Flask, threads: int) -> None:
    """Refuse a heavy call while too many run, so that most threads stay free for everything else.

    Args:
        app: the app; `g.account` tells who calls.
        threads: the number of threads that call the app.
    """
    in_all = max(1, threads // 2 - 1)
    calls = HeavyCalls(in_all, max(1, in_all - 1))

    @app.before_request
    def begin() -> None:
        if request.endpoint in HEAVY:
            calls.begin(g.account.id)
            g.heavy_call = g.account.id

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        account = g.pop("heavy_call", None)
        if account is not None:
            calls.end(account)
