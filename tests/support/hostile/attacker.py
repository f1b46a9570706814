"""A client that means harm: connections that send too little, too much, or never read."""

import resource
import socket
from pathlib import Path
from typing import Self

import psutil

from tests.support.serving import Server

ASK = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
"""A request for some 280 KB, which needs no login."""


class Attacker:
    """Many connections to one server; all are closed at the end."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sockets: list[socket.socket] = []
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._sockets:
            one.close()

    def connect(self, content: bytes = b"", *, buffer: int = 0) -> socket.socket:
        """Open a connection and send something; `buffer`: the bytes that this side receives without reading them."""
        one = socket.socket()
        if buffer:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        one.settimeout(60)
        one.connect(("127.0.0.1", self._server.port))
        one.sendall(content)
        self._sockets.append(one)
        return one

    def many(self, count: int, content: bytes = b"", *, buffer: int = 0) -> list[socket.socket]:
        """Open many connections that send the same."""
        return [self.connect(content, buffer=buffer) for _ in range(count)]


def post(path: str, announced: int, kind: str = "application/json") -> bytes:
    """The head of a request whose body has `announced` bytes."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
        f"Idempotency-Key: k\r\nContent-Length: {announced}\r\n\r\n"
    ).encode()


def temporary_bytes(pid: int) -> int:
    """The bytes in files that a process holds open and that have no name any more, such as waiting bodies and answers."""
    total = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if "(deleted)" in str(link.readlink()):
                total += link.stat().st_size
        except FileNotFoundError:
            continue
    return total


def connections_of(pid: int) -> int:
    """How many connections a server has."""
    return sum(one.status == psutil.CONN_ESTABLISHED for one in psutil.Process(pid).net_connections())
