"""What every store of files by content can do."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Protocol


class ContentStore(Protocol):
    """Files of one kind, each named by a SHA-256 and an extension. A file never changes once it is there.

    Methods that reach a store on the network raise `StoreUnreachable` if it does not answer.
    """

    @property
    def local_root(self) -> Path:
        """The folder of this machine that holds files as ab/abcd….jpg; of a store elsewhere, some of its files."""

    @property
    def staging(self) -> Path:
        """A folder laid out in the same way, to which decoders write files before `Stores.finish`."""

    def open(self, sha256: str, extension: str) -> BufferedReader:
        """Open a file for reading. It stays readable until it is closed, also if it is deleted meanwhile.

        Raises:
            FileNotFoundError: if there is no such file.
        """

    def local_path(self, sha256: str, extension: str) -> AbstractContextManager[Path]:
        """Give the path of a file on this machine's disk, which stays there until the end of the context.

        If there is no such file, there is none at the path either.
        """

    def place(self, sha256: str, extension: str, place: Path, *, link: bool) -> bool:
        """Give a file a second name outside the store, or copy it; return whether it is there and has this SHA-256.

        Nothing is left at `place` if it has not.

        Raises:
            OSError: if it cannot be written; FileExistsError if the name is taken.
        """

    def describe(self, sha256: str, extension: str) -> str:
        """Return where a file is or would be, for a message to the operator."""

    def content_hash(self, sha256: str, extension: str) -> str:
        """Return the SHA-256 of the bytes that the store itself holds; "" if the file is missing or unreadable."""

    def shards(self) -> set[str]:
        """Return the two digits with which the SHA-256 of any file begins."""

    def list(self, shard: str) -> set[str]:
        """Return the names of the files whose SHA-256 begins with these two digits."""

    def delete(self, sha256: str) -> int:
        """Remove all files of this SHA-256 durably; return their number."""

    def clean_up(self) -> None:
        """Remove the temporary files of killed imports; no import may run."""


@dataclass(frozen=True)
class Staged:
    """An image that decoders have stored, except that its new files may still lie under temporary names.

    Args:
        sha256: of the image file.
        extension: of the image file.
        pending: (temporary path, final path) of the files that were written.
        view: the final path of the view, if the image file is its own view.
    """

    sha256: str
    extension: str
    pending: tuple[tuple[str, str], ...] = ()
    view: str | None = None


class Stores(Protocol):
    """The stores of a project."""

    @property
    def url(self) -> str:
        """The address of a store that is not in the project's folder; "" if it is."""

    @property
    def images(self) -> ContentStore:
        """The image files, whose bytes have the SHA-256 in their name."""

    @property
    def photos(self) -> ContentStore:
        """The photos that images were cut from, whose bytes have the SHA-256 in their name; never served or exported."""

    @property
    def views(self) -> ContentStore:
        """The images as the browser shows them, JPEGs under the SHA-256 of their image."""

    def signed_view(self, sha256: str, seconds: int) -> str | None:
        """Return an address at which a browser gets a view without this server, for `seconds` at most; None: this server has it.

        Nobody looks whether there is such a view. Images and photos have no such addresses.
        """

    def finish(self, staged: Iterable[Staged], photos: Iterable[tuple[str, str]] = ()) -> None:
        """Put new files under their names durably: a file never has its name before its bytes are safe.

        Args:
            staged: the images.
            photos: (SHA-256, extension) of the photos that they were cut from.

        Raises:
            FacelabelError: if a store cannot be written.
        """

    def discard(self, staged: Staged) -> None:
        """Remove an image that is not to be recorded, finished or not."""
