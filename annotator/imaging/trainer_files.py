"""Lets the trainer read images that are not on this machine: in the worker's process, and in others that the worker has started."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from threading import Thread

from annotator.errors import FacelabelError
from annotator.store.base import Stores
from annotator.store.remote import RemoteStore, RemoteStores
from trainer.pixels.files import FETCH_SOCKET, fetch_missing

_NAME = re.compile(rb"([0-9a-f]{64})\.([a-z0-9]{1,8})\n")


def let_trainer_fetch(stores: Stores) -> None:
    """Let the trainer in this process read the image files of these stores below `images.local_root`."""
    fetch_missing(stores.images.fetch if isinstance(stores, RemoteStores) else None)


@contextmanager
def fetching_for_trainers(stores: Stores) -> Iterator[dict[str, str]]:
    """Fetch image files for trainers in other processes of this machine and user, which ask through a socket.

    Gives the variables that these processes need in their environment: none if all files are here.
    """
    if not isinstance(stores, RemoteStores):
        yield {}
        return
    with tempfile.TemporaryDirectory(
        prefix="facelabel-"
    ) as folder:  # a project's path may be too long for a socket
        address = f"{folder}/fetch"
        with _FetchServer(address, stores.images) as server:
            thread = Thread(target=server.serve_forever, args=(0.05,), name="fetch", daemon=True)
            thread.start()
            try:
                yield {FETCH_SOCKET: address}
            finally:
                server.shutdown()
                thread.join()


class _FetchServer(ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, address: str, images: RemoteStore) -> None:
        super().__init__(address, _FetchHandler)
        self.images = images


class _FetchHandler(StreamRequestHandler):
    """Answers a line with the name of a file: an empty line once it is here or known to be missing, else what went wrong."""

    server: _FetchServer

    def handle(self) -> None:
        name, problem = _NAME.fullmatch(self.rfile.readline(100)), ""
        if name is not None:
            try:
                self.server.images.fetch(Path(f"{name[1].decode()}.{name[2].decode()}"))
            except (FacelabelError, OSError) as error:
                problem = str(error).replace("\n", " ")
        self.wfile.write(f"{problem}\n".encode())
