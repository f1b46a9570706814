"""The limits of the web server's connections, so that nobody stops it by opening, holding or not reading them.

Waitress reads and writes all connections in one thread and calls the app in a few others. A thread must therefore never wait
for a client, and a newcomer must always find room:

- A connection has one request at a time. Requests that are sent ahead (pipelining, which browsers do not use) are dropped with
  the connection, after the first was answered: their answers could only wait for each other in threads.
- A client that sends or reads nothing for `QUIET_SECONDS` is let go, even while a thread waits for it, and a request that is not
  complete after `RECEIVING_SECONDS` too.
- If there are many connections, a new one takes the place of the one that has been quiet for longest.
- Only an address that takes pieces of files may get a large body, and all bodies that are on their way may take `_ALL_BODIES`
  together, because they wait in temporary files. A tiny one, such as an answer, always comes through.
"""

from __future__ import annotations

import resource
import time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer, MultiSocketServer
from waitress.utilities import Error, RequestEntityTooLarge

QUIET_SECONDS = 30
RECEIVING_SECONDS = 120
"""For an upload's piece of 8 MiB that is 70 KB a second."""
MAX_CONNECTIONS = 1000
_ALL_BODIES = 256 * 2**20
_TINY_BODY = 64 * 2**10
_CROWDED = 900
_HEADER_BYTES = 64 * 2**10
_WAITING_OUTPUT = 256 * 2**20
_FILES = 4096  # a connection may need three: itself, its body, its answer


def server_options(largest_body: int) -> dict[str, Any]:
    """Return the options of `waitress.create_server`.

    Args:
        largest_body: the size of the largest body of any request, in bytes.
    """
    return {
        "connection_limit": MAX_CONNECTIONS,
        "asyncore_use_poll": True,  # select() fails beyond 1,024 files
        "channel_timeout": QUIET_SECONDS,
        "cleanup_interval": 5,
        "max_request_header_size": _HEADER_BYTES,
        "max_request_body_size": largest_body + 1,  # waitress refuses what is as large
        "outbuf_high_watermark": _WAITING_OUTPUT,  # no answer but a file is as large, so that no thread waits
        "log_socket_errors": False,  # a client that goes away is no error of ours
    }


def limit_connections(server: BaseWSGIServer | MultiSocketServer, small_body: int, large_path: str) -> None:
    """Apply the limits that waitress has no option for, before the server runs.

    Args:
        server: what `waitress.create_server` returned.
        small_body: the largest body in bytes of all other requests.
        large_path: the path, or a part of it, of the requests that may have a larger one.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        most = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    waitress_map = server.map if isinstance(server, MultiSocketServer) else server._map  # noqa: SLF001 - there is no other way
    listeners = [one for one in waitress_map.values() if isinstance(one, BaseWSGIServer)]
    for listener in listeners:
        bodies = _Bodies(small_body, large_path)
        listener.channel_class = _channel_class(bodies, _CROWDED // len(listeners))
        listener.maintenance = lambda now, one=listener: _let_go(one, now)


class _BusyReceivingError(Error):  # type: ignore[misc]
    code = 503
    reason = "Service Unavailable"


class _Bodies:
    """The bodies that are being received, and their sizes in bytes. Only the thread of waitress's loop uses it."""

    def __init__(self, small: int, large_path: str) -> None:
        self.small, self.large_path = small, large_path
        self._sizes: dict[_Parser, int] = {}

    def problem(self, parser: _Parser, size: int) -> Error | None:
        """Reserve the room of a body of at least this size; return why it is refused."""
        if size > self.small and self.large_path not in parser.path:
            return RequestEntityTooLarge(f"at most {self.small} bytes")
        self._sizes[parser] = size
        if size > _TINY_BODY and sum(self._sizes.values()) > _ALL_BODIES:
            return _BusyReceivingError("too much arrives at once; try again in a moment")
        return None

    def forget(self, parser: _Parser) -> None:
        """Free the room of a body that has come, or whose connection ends."""
        self._sizes.pop(parser, None)


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Knows when a request began, refuses a large body before it comes, and drops what follows a request."""

    def __init__(self, adj: Adjustments, bodies: _Bodies) -> None:
        super().__init__(adj)
        self.started = time.time()
        self.completed: bool = False
        self._bodies = bodies

    def received(self, data: bytes) -> int:
        """Take bytes of the request; return how many were taken."""
        consumed: int = super().received(data)
        if self.headers_finished and not self.completed:
            self.error = self._bodies.problem(self, max(self.content_length, self.body_bytes_received))
            self.completed = self.error is not None
        if not self.completed:
            return consumed
        self.forget()
        if data[consumed:].strip(b"\r\n"):
            self.headers["CONNECTION"] = "close"
        return len(data)

    def forget(self) -> None:
        """Free the room of its body."""
        self._bodies.forget(self)


def _channel_class(bodies: _Bodies, crowded: int) -> type[HTTPChannel]:
    class Channel(HTTPChannel):  # type: ignore[misc]
        """A connection that takes one request at a time, and another one's place if there are too many."""

        def __init__(self, server: BaseWSGIServer, *args: Any, **more: Any) -> None:
            if len(server.active_channels) >= crowded:
                idle = [one for one in server.active_channels.values() if not one.requests]
                if idle:
                    min(idle, key=lambda one: one.last_activity).handle_close()
            super().__init__(server, *args, **more)

        def parser_class(self, adj: Adjustments) -> _Parser:
            return _Parser(adj, bodies)

        def handle_close(self) -> None:
            """Close, and free what the request held."""
            if self.request is not None:
                self.request.forget()
            super().handle_close()

    return Channel


def _let_go(listener: BaseWSGIServer, now: float) -> None:
    """Close the connections that nothing has come or gone through for too long; waitress calls it every few seconds.

    Waitress itself would leave those alone whose answer is not read: it waits until they can be written to.
    """
    for channel in list(listener.active_channels.values()):
        is_quiet = channel.last_activity < now - QUIET_SECONDS
        is_slow = channel.request is not None and channel.request.started < now - RECEIVING_SECONDS
        if (is_quiet and (not channel.requests or channel.total_outbufs_len)) or is_slow:
            channel.handle_close()
