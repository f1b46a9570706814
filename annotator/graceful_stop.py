"""Run waitress until a signal, and let the requests that have begun finish."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, MultiSocketServer

STOP_SECONDS = 10.0
"""How long requests may take to finish after the signal."""
_POLL_SECONDS, _STOPPING_POLL_SECONDS = 1.0, 0.02


class StoppableServer:
    """A waitress server that ends in three steps: it takes no connection, answers what has arrived, and closes.

    Args:
        server: what `waitress.create_server` returned.
    """

    def __init__(self, server: BaseWSGIServer | MultiSocketServer) -> None:
        self._server = server
        self._map = server.map if isinstance(server, MultiSocketServer) else server._map  # noqa: SLF001 - there is no other way
        self._listeners = [one for one in self._map.values() if isinstance(one, BaseWSGIServer)]
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Begin to end; threads and signal handlers may call it."""
        self._stopping.set()
        for listener in self._listeners:
            listener.pull_trigger()

    def stop_on_signals(self) -> None:
        """End at SIGTERM and Ctrl+C; a second one does not wait for requests."""

        def end(_number: int, _frame: FrameType | None) -> None:
            if self._stopping.is_set():
                raise KeyboardInterrupt
            self.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)

    def run(self, must_end: Callable[[], object] = lambda: False) -> None:
        """Serve until `stop`, or until `must_end`, which is asked every second."""
        try:
            while not self._stopping.is_set() and not must_end():
                self._poll(_POLL_SECONDS)
            self._finish_requests()
        except KeyboardInterrupt:
            pass
        finally:
            self._server.task_dispatcher.shutdown()
            wasyncore.close_all(self._map)

    def _finish_requests(self) -> None:
        for listener in self._listeners:
            wasyncore.dispatcher.close(
                listener
            )  # not its own `close`, which would end the trigger that threads pull
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            channels = [one for one in self._map.values() if isinstance(one, HTTPChannel)]
            if not channels:
                return
            for channel in channels:
                if not channel.requests and channel.request is None and not channel.total_outbufs_len:
                    channel.will_close = True
            self._poll(_STOPPING_POLL_SECONDS)

    def _poll(self, seconds: float) -> None:
        use_poll = self._server.adj.asyncore_use_poll
        wasyncore.loop(timeout=seconds, use_poll=use_poll, map=self._map, count=1)
