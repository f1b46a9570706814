"""Attacks on a server by connections, each `times` as strong as it takes to be felt."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from annotator.services.importing.uploads import PIECE_BYTES
from tests.support.hostile.attacker import ASK, Attacker, post

IMPORTS = "/api/v1/imports?name=a.bin&bytes=99999999"
BYTES = "application/octet-stream"
GIGABYTE = 10**9


def pipelined(attacker: Attacker, times: int) -> None:
    """Requests that are sent ahead, whose answers nobody reads."""
    attacker.many(9 * times, ASK * 200, buffer=4096)


def half_sent(attacker: Attacker, times: int) -> None:
    """Requests that do not end."""
    attacker.many(50 * times, ASK[:-2] + b"X: ")


def idle(attacker: Attacker, times: int) -> None:
    """Connections that say nothing."""
    attacker.many(110 * times)


def unread(attacker: Attacker, times: int) -> None:
    """Answers that nobody reads."""
    attacker.many(12 * times, ASK, buffer=4096)


def half_uploaded(attacker: Attacker, times: int) -> None:
    """Pieces of uploads that do not end."""
    attacker.many(6 * times, post(IMPORTS, PIECE_BYTES, BYTES) + b"a" * 100)


@contextmanager
def bodies(attacker: Attacker, senders: int) -> Iterator[Callable[[], int]]:
    """Send bodies of a gigabyte, again as soon as one is refused, until the end of the context.

    Args:
        attacker: opens the connections.
        senders: threads that send.

    Yields:
        How many were sent until now.
    """
    ended, sent = threading.Event(), [0] * senders
    head = post("/api/v1/annotations", GIGABYTE)

    def send(number: int) -> None:
        while not ended.is_set():
            try:
                with attacker.connect(head) as one:
                    while not ended.is_set():
                        one.sendall(b"a" * 2**16)
            except OSError:  # the server has refused it and closed the connection
                sent[number] += 1

    threads = [threading.Thread(target=send, args=(number,), daemon=True) for number in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: sum(sent)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
