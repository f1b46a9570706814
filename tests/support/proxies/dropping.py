"""A proxy that loses messages: requests before they reach the server, and responses of handled requests."""

import http.client
import random
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class DroppingProxy:
    """A proxy in front of a server, on another port.

    Args:
        port: Port of the server.
        share: Probability that a request, or a response, is lost.
        seed: Seed of the random choice.
    """

    def __init__(self, port: int, share: float, seed: int = 0) -> None:
        self.target, self.share = port, share
        self.lost = {"requests": 0, "answers": 0}
        self._random, self._lock = random.Random(seed), threading.Lock()
        proxy = self

        class Handler(_Handler):
            def do_POST(self) -> None:
                proxy.pass_on(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def loses(self, kind: str) -> bool:
        with self._lock:
            lost = self._random.random() < self.share
            self.lost[kind] += lost
        return lost

    def pass_on(self, handler: "_Handler") -> None:
        """Pass a request on and its answer back, or break the connection at one of the two."""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        if self.loses("requests"):
            handler.break_off()
            return
        server = http.client.HTTPConnection("127.0.0.1", self.target, timeout=60)
        server.request("POST", handler.path, body, dict(handler.headers))
        answer = server.getresponse()
        content = answer.read()
        server.close()
        if self.loses("answers"):
            handler.break_off()
            return
        handler.send_response(answer.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def break_off(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
