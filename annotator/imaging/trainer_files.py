"""Lets the trainer read images that are not on this machine: in the worker's process, and in others that the worker has started."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from threading import Thread

from annotator.errors import FacelabelError
from annotator.files import hold_folder, remove_unfinished
from annotator.store.base import Stores
from annotator.store.remote import RemoteStore, RemoteStores
from trainer.pixels.files import FETCH_SOCKET, fetch_missing

_FOLDERS = "facelabel-fetch-"
_NEW_SECONDS = 60
"""A folder so young may have an owner who does not hold it yet."""
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
    with _folder_of_socket() as folder:
        address = f"{folder}/fetch"
        with _FetchServer(address, stores.images) as server:
            thread = Thread(target=server.serve_forever, args=(0.05,), name="fetch", daemon=True)
            thread.start()
            try:
                yield {FETCH_SOCKET: address}
            finally:
                server.shutdown()
                thread.join()


@contextmanager
def _folder_of_socket() -> Iterator[str]:
    """Give a temporary folder: a project's path may be too long for a socket. Removes those that killed workers left."""
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*"):
        with suppress(OSError, FacelabelError):  # it is another user's, or in use
            if time.time() - left.stat().st_mtime > _NEW_SECONDS:
                remove_unfinished(left)
    with tempfile.TemporaryDirectory(prefix=_FOLDERS) as folder, hold_folder(Path(folder)):
        yield folder


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
