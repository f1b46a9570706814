"""Objects of a bucket by fsspec: the only place that speaks to object storage."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotator.errors import Busy, WrongUse

_URL = re.compile(
    r"(?P<protocol>[a-z][a-z0-9]*)://(?P<path>[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._=-]+)*)/?"
)
_NOT_OBJECTS = {"file", "local", "memory", "http", "https", "ftp", "data"}
_PAUSE_SECONDS = 1.0
"""For how long nobody asks a store that did not answer; others than the first to ask again are refused meanwhile."""
_TRIES = 2
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 2,
            "read_timeout": 15,
            "retries": {"max_attempts": 1},
            "signature_version": "s3v4",  # otherwise addresses are signed as buckets made since 2020 refuse it
        }
    }
}


class StoreUnreachable(Busy):
    """The store does not answer, or refuses the access. The same call succeeds once it answers."""


def check_url(url: str) -> str:
    """Return the address of a store without a slash at its end.

    Raises:
        WrongUse: if it is no address of objects; the message never repeats the address, which may hold a password.
    """
    match = _URL.fullmatch(url)
    if match is None or match["protocol"] in _NOT_OBJECTS or {".", ".."} & set(match["path"].split("/")):
        raise WrongUse(
            "bad_store",
            "The store must be the address of objects, such as s3://bucket/prefix, without a name or a password in it.",
            do="Give the credentials in the environment, for S3 as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    return url.rstrip("/")


@dataclass(frozen=True)
class Found:
    """An object that a listing found.

    Args:
        url: its address.
        name: its key below the listed address.
        bytes: its size.
        etag: what the store calls its content; "" if it does not say.
    """

    url: str
    name: str
    bytes: int
    etag: str


class Bucket:
    """Objects below an address such as s3://bucket/prefix. Threads and forked processes may share it.

    Credentials, region and endpoint come from the environment, as the library of the protocol reads them.

    Raises:
        WrongUse: if the address is none, or the library is not installed.
        StoreUnreachable: by every method, if the store does not answer or refuses the access.
    """

    def __init__(self, url: str) -> None:
        self.url = check_url(url)
        self._protocol, _, self._root = self.url.partition("://")
        self._lock = threading.Lock()
        self._down: tuple[str, float] | None = None  # why it did not answer, and when it may be asked again
        self._system: tuple[int, Any] | None = None

    def get(self, key: str, place: Path) -> bool:
        """Write an object to a file; return whether there is such an object."""
        try:
            with self._explained() as system:
                system.get_file(f"{self._root}/{key}", str(place))
        except FileNotFoundError:
            return False
        return True

    def read(self, key: str) -> bytes | None:
        """Return the bytes of an object; None if there is none."""
        try:
            with self._explained() as system:
                content: bytes = system.cat_file(f"{self._root}/{key}")
        except FileNotFoundError:
            return None
        return content

    def put(self, key: str, content: bytes) -> None:
        """Write an object, which is whole or absent."""
        with self._explained() as system:
            system.pipe_file(f"{self._root}/{key}", content)

    def has(self, key: str) -> bool:
        """Return whether there is such an object."""
        try:
            with self._explained() as system:
                system.info(f"{self._root}/{key}", refresh=True)
        except FileNotFoundError:
            return False
        return True

    def signed_url(self, key: str, seconds: int, media_type: str) -> str:
        """Return an address at which everybody gets an object by HTTP for so many seconds, as this media type; nothing is asked.

        Raises:
            WrongUse: if it is not S3.
        """
        if self._protocol != "s3":
            raise WrongUse(
                "cannot_sign",
                f"Signed addresses are only possible with s3://, and the images are in {self.url}.",
                do="Unset FACELABEL_STORE_SIGNED_SECONDS.",
            )
        cached = f"private, max-age={seconds}"
        with self._explained() as system:
            return str(
                system.sign(
                    f"{self._root}/{key}",
                    seconds,
                    ResponseContentType=media_type,
                    ResponseCacheControl=cached,
                )
            )

    def list(self, folder: str) -> set[str]:
        """Return the names of the objects in a folder."""
        try:
            with self._explained() as system:
                paths = system.ls(f"{self._root}/{folder}", detail=False, refresh=True)
        except FileNotFoundError:
            return set()
        return {str(path).rpartition("/")[2] for path in paths}

    def find(self) -> Sequence[Found]:
        """Return all objects, in the order of their names."""
        try:
            with self._explained() as system:
                entries = system.find(self._root, detail=True)
        except FileNotFoundError:
            return []
        return [
            Found(
                f"{self._protocol}://{path}",
                path.removeprefix(f"{self._root}/"),
                int(entry["size"]),
                str(entry.get("ETag", "")).strip('"'),
            )
            for path, entry in sorted(entries.items())
        ]

    def delete(self, key: str) -> None:
        """Remove an object; an absent one is fine."""
        try:
            with self._explained() as system:
                system.rm_file(f"{self._root}/{key}")
        except FileNotFoundError:
            return

    @contextmanager
    def _explained(self) -> Iterator[Any]:
        """Give the file system, and turn its errors into sentences without credentials."""
        self._refuse_while_down()
        system = self._open()
        try:
            yield system
            self._down = None
        except FileNotFoundError as error:
            self._down = None
            if _code(error) == "NoSuchBucket":
                raise self._unreachable("the bucket does not exist") from None
            raise
        except PermissionError as error:
            raise self._unreachable(f"it refuses the access ({_code(error) or 'no permission'})") from None
        except Exception as error:  # noqa: BLE001 - each library has its own errors, whose texts may hold addresses
            if type(error).__name__ == "NoCredentialsError":
                raise self._unreachable("there are no credentials in the environment") from None
            reason = _code(error) or type(error).__name__
            self._down = reason, time.monotonic() + _PAUSE_SECONDS
            self._system = None  # whatever state a broken connection has left its library in
            raise self._unreachable(reason) from None

    def _refuse_while_down(self) -> None:
        """Let one caller at a time find out whether the store answers again: threads that wait for it answer nobody else."""
        with self._lock:
            down = self._down
            if down is None:
                return
            reason, until = down
            if time.monotonic() < until:
                raise self._unreachable(reason)
            self._down = reason, time.monotonic() + _PAUSE_SECONDS

    def _unreachable(self, reason: str) -> StoreUnreachable:
        return StoreUnreachable(
            "store_unreachable",
            f"The images are in {self.url}, which cannot be used now: {reason}.",
            kept="Nothing is lost: answers are kept, and what was imported before stays where it is.",
            do="Try again when it answers; check the network, the endpoint and the credentials in the environment.",
        )

    def _open(self) -> Any:
        with self._lock:
            if self._system is None or self._system[0] != os.getpid():
                try:
                    import fsspec  # type: ignore[import-untyped]  # noqa: PLC0415 - only projects with such a store load it

                    options = _OPTIONS.get(self._protocol, {})
                    system = fsspec.filesystem(
                        self._protocol, skip_instance_cache=True, use_listings_cache=False, **options
                    )
                    system.retries = _TRIES  # of s3fs
                except (ImportError, ValueError):
                    raise WrongUse(
                        "no_store_library",
                        f"{self._protocol}:// needs a library that is not installed.",
                        do="Call `pip install 'facelabel[s3]'`; other object stores need fsspec's package for them.",
                    ) from None
                self._system = os.getpid(), system
            return self._system[1]


def _code(error: BaseException | None) -> str:
    """The code of an S3 error, such as NoSuchBucket; "" if it has none."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        error = error.__cause__
    return ""
