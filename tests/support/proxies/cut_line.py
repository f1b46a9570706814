"""A line to a server of this machine that breaks in the middle of a message, and is repaired."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Self, cast

_RESET = struct.pack("ii", 1, 0)  # closing tells the other side that the connection is broken


class CutLine:
    """Passes connections on to another port until so many bytes have passed; then all break, and new ones too.

    Args:
        target: the port of the server.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self._left: int | None = None
        self._lock = threading.Lock()
        line = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                line._pass_on(self.request)

        ThreadingTCPServer.allow_reuse_address = True
        self._server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def is_cut(self) -> bool:
        return self._left is not None and self._left <= 0

    def cut_after(self, size: int) -> None:
        """Break once so many more bytes have passed, in either direction."""
        with self._lock:
            self._left = size

    def repair(self) -> None:
        with self._lock:
            self._left = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(self, client: socket.socket) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if self.is_cut:
            client.close()
            return
        # Not select(), which refuses descriptors above 1,023: a process that runs many tests has more files open.
        with (
            socket.create_connection(("127.0.0.1", self.target)) as server,
            selectors.DefaultSelector() as waiting,
        ):
            waiting.register(client, selectors.EVENT_READ, server)
            waiting.register(server, selectors.EVENT_READ, client)
            while not self.is_cut:
                for key, _ in waiting.select(0.02):
                    side, other = cast("socket.socket", key.fileobj), key.data
                    content = side.recv(65536)
                    with self._lock:
                        if self._left is not None:
                            content = content[: max(0, self._left)]
                            self._left -= max(1, len(content))
                    if not content:
                        client.close()
                        return
                    other.sendall(content)
            client.close()
