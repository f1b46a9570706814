"""The stores of a project whose images are in object storage, with copies of the ones in use on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from io import BufferedReader
from pathlib import Path

from annotator.errors import FacelabelError, WrongUse
from annotator.files import place_checked, shard_path
from annotator.store.base import Staged
from annotator.store.bucket import Bucket, Found
from annotator.store.cache import FileCache

_MARKER = "facelabel-store.json"
_LINKS, _LINK = "links", ".json"
_AT_ONCE = 16
"""Objects that an import writes at the same time: each takes a turn around the network."""


class RemoteStore:
    """Files of one kind as objects: KIND/ab/abcd….jpg.

    Args:
        bucket: where the objects are.
        kind: images, photos or views.
        cache: the copies on this machine.
        staging: the folder to which decoders write new files of this kind.
        by_content: whether the bytes must have the SHA-256 in their name.

    An image that was imported without a copy is an object links/ab/abcd….jpg.json, which names the object with its bytes.
    """

    def __init__(
        self, bucket: Bucket, kind: str, cache: FileCache, staging: Path, *, by_content: bool
    ) -> None:
        self._bucket, self._kind, self._cache, self._by_content = bucket, kind, cache, by_content
        self._staging = staging
        self._elsewhere: dict[str, Bucket] = {}

    @property
    def local_root(self) -> Path:
        """The folder of the copies."""
        return self._cache.folder / self._kind

    @property
    def staging(self) -> Path:
        """The folder of new files, which `RemoteStores.finish` takes in."""
        self._staging.mkdir(parents=True, exist_ok=True)
        return self._staging

    def open(self, sha256: str, extension: str) -> BufferedReader:
        """Open a file; as of `ContentStore`."""
        with self.local_path(sha256, extension) as path:
            return path.open("rb")

    @contextmanager
    def local_path(self, sha256: str, extension: str) -> Iterator[Path]:
        """Give the path of a copy; as of `ContentStore`. An object with other bytes than at its import counts as missing."""
        name = self.key(sha256, extension)

        def fetch(place: Path) -> bool:
            if not self._bucket.get(name, place):
                link = self.link_of(sha256, extension)
                if link is None or not self._bucket_of(link.url).get(_key_of(link.url), place):
                    return False
            return not self._by_content or _hash(place) == sha256

        with self._cache.hold(name, fetch) as path:
            yield path

    def fetch(self, path: Path) -> None:
        """Fetch the file that belongs to a path below `local_root`, if there is one."""
        with self.local_path(path.stem, path.suffix[1:]):
            pass

    def content_hash(self, sha256: str, extension: str) -> str:
        """Return the SHA-256 of the object's bytes, read from the store and not from the copy; "" if there is none."""
        content = self._bucket.read(self.key(sha256, extension))
        if content is None and (link := self.link_of(sha256, extension)) is not None:
            content = self._bucket_of(link.url).read(_key_of(link.url))
        return hashlib.sha256(content).hexdigest() if content is not None else ""

    def place(self, sha256: str, extension: str, place: Path, *, link: bool) -> bool:  # noqa: ARG002
        """Copy a file; as of `ContentStore`. It is never linked, because the copy here may leave."""
        with self.local_path(sha256, extension) as path:
            is_whole = place_checked(path, place, sha256, link=False)
        if is_whole:
            with place.open("rb") as file:
                os.fsync(file.fileno())
        return is_whole

    def describe(self, sha256: str, extension: str) -> str:
        """Return the address of an object."""
        key = self.key(sha256, extension)
        link = None if self._bucket.has(key) else self.link_of(sha256, extension)
        return link.url if link is not None else f"{self._bucket.url}/{key}"

    def shards(self) -> set[str]:
        """Return the two digits with which the SHA-256 of any object begins."""
        return self._bucket.list(self._kind) | (self._bucket.list(_LINKS) if self._is_linked else set())

    def list(self, shard: str) -> set[str]:
        """Return the names of the objects whose SHA-256 begins with these two digits."""
        names = self._bucket.list(f"{self._kind}/{shard}")
        if self._is_linked:
            names |= {name.removesuffix(_LINK) for name in self._bucket.list(f"{_LINKS}/{shard}")}
        return names

    def delete(self, sha256: str) -> int:
        """Remove all objects of this SHA-256, and their copies on this machine; return the number of objects.

        The object that a link names stays: it belongs to somebody else.
        """
        names = [name for name in self.list(sha256[:2]) if name.startswith(sha256)]
        for name in names:
            key = f"{self._kind}/{sha256[:2]}/{name}"
            self._bucket.delete(key)
            if self._is_linked:
                self._bucket.delete(f"{_LINKS}/{sha256[:2]}/{name}{_LINK}")
        for root in (self.local_root, self._staging):
            for file in (root / sha256[:2]).glob(f"*{sha256}*"):
                if root == self.local_root:
                    self._cache.remove(f"{self._kind}/{sha256[:2]}/{file.name}")
                else:
                    file.unlink(missing_ok=True)
        return len(names)

    def clean_up(self) -> None:
        """Remove what killed imports wrote to this machine."""
        shutil.rmtree(self._staging, ignore_errors=True)
        self._cache.clean_up()

    @property
    def _is_linked(self) -> bool:
        return self._kind == "images"

    def link_of(self, sha256: str, extension: str) -> Found | None:
        """Return the object elsewhere that holds an image; None if the image was copied here."""
        if not self._is_linked:
            return None
        content = self._bucket.read(f"{_LINKS}/{sha256[:2]}/{sha256}.{extension}{_LINK}")
        return Found(**json.loads(content)) if content is not None else None

    def _bucket_of(self, url: str) -> Bucket:
        """The whole bucket in which an object is."""
        protocol, _, path = url.partition("://")
        address = f"{protocol}://{path.partition('/')[0]}"
        return self._elsewhere.setdefault(address, Bucket(address))

    def put_link(self, sha256: str, extension: str, found: Found) -> None:
        """Record that an object elsewhere holds an image."""
        content = json.dumps(asdict(found), sort_keys=True).encode()
        self._bucket.put(f"{_LINKS}/{sha256[:2]}/{sha256}.{extension}{_LINK}", content)

    def keep_copy(self, sha256: str, extension: str, file: Path) -> None:
        """Keep a file, whose object is elsewhere, as the copy on this machine."""
        self._cache.add(self.key(sha256, extension), file)

    def key(self, sha256: str, extension: str) -> str:
        """Return the name of an object below the address of the store."""
        return f"{self._kind}/{sha256[:2]}/{sha256}.{extension}"

    def take_in(self, sha256: str, extension: str, written: Path | None, *, keep: bool = False) -> None:
        """Write an object from a file on this machine, which then is its copy here.

        Args:
            sha256: of the file.
            extension: of the file.
            written: the file; None: the one that a decoder wrote under its final name, if there is one.
            keep: leave the file where it is.

        Raises:
            FacelabelError: if there is neither a file nor an object.
        """
        key, file = self.key(sha256, extension), written or shard_path(self._staging, sha256, extension)
        try:
            content = file.read_bytes()
        except FileNotFoundError as error:
            if self._bucket.has(key):
                return  # another import of the same image was faster
            what = f"The new file {key} was removed before it was written to {self._bucket.url}."
            raise FacelabelError("store_lost_file", what, do="Import the files again.") from error
        self._bucket.put(key, content)
        if not keep:
            self._cache.add(key, file)


class RemoteStores:
    """The stores of a project below an address such as s3://bucket/prefix. Objects are never public.

    Args:
        url: the address.
        folder: the folder of the copies on this machine, which may be deleted while nothing runs.
        cache_bytes: how many bytes the copies may take.
    """

    def __init__(self, url: str, folder: Path, cache_bytes: int) -> None:
        self._bucket = Bucket(url)
        cache, staging = FileCache(folder / "copies", cache_bytes), folder / "staging"
        self.images, self.photos, self.views = (
            RemoteStore(self._bucket, kind, cache, staging / kind, by_content=kind != "views")
            for kind in ("images", "photos", "views")
        )
        self._signed = lru_cache(maxsize=4096)(self._sign)

    @property
    def url(self) -> str:
        """The address."""
        return self._bucket.url

    def begin(self) -> None:
        """Write the marker of a new project, which tells that the address is in use.

        Raises:
            WrongUse: if another project uses the address.
            StoreUnreachable: if nothing can be written there.
        """
        if self._bucket.has(_MARKER):
            raise WrongUse(
                "store_in_use",
                f"{self.url} holds the images of another project.",
                do="Name another prefix; two projects never share one.",
            )
        self._bucket.put(_MARKER, b'{"format":"facelabel-store","version":1}\n')

    def end(self) -> None:
        """Remove the marker of a project that was not made."""
        self._bucket.delete(_MARKER)

    def signed_view(self, sha256: str, seconds: int) -> str | None:
        """Return a signed address; as of `Stores`. It stays the same for half of its time, so that browsers keep what they got."""
        return self._signed(self.views.key(sha256, "jpg"), seconds, int(2 * time.time() / seconds))

    def _sign(self, key: str, seconds: int, half: int) -> str:  # noqa: ARG002 - the cache tells halves apart
        return self._bucket.signed_url(key, seconds, "image/jpeg")

    def finish(self, staged: Iterable[Staged], photos: Iterable[tuple[str, str]] = ()) -> None:
        """Write new files to the store; an image is complete there before its row is written.

        Raises:
            FacelabelError: if the store cannot be written; what was written to it is written again by the next import.
        """
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            work = [threads.submit(self._take_in, image) for image in {s.sha256: s for s in staged}.values()]
            work += [threads.submit(self.photos.take_in, *photo, None) for photo in set(photos)]
            for one in work:
                one.result()

    def finish_linked(self, images: Iterable[tuple[Staged, Found]]) -> None:
        """Write the views of images and links to the objects that hold them; the images themselves are not copied.

        Raises:
            FacelabelError: as `finish`.
        """
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            unique = {image.sha256: (image, found) for image, found in images}
            for one in [threads.submit(self._link, *pair) for pair in unique.values()]:
                one.result()

    def discard(self, staged: Staged) -> None:
        """Remove an image that is not to be recorded."""
        for temporary, path in staged.pending:
            Path(temporary).unlink(missing_ok=True)
            Path(path).unlink(missing_ok=True)
        self.images.delete(staged.sha256)
        self.views.delete(staged.sha256)

    def _link(self, image: Staged, found: Found) -> None:
        file = self._take_in_view(image)
        self.images.put_link(image.sha256, image.extension, found)
        if file is not None:
            self.images.keep_copy(image.sha256, image.extension, file)

    def _take_in(self, image: Staged) -> None:
        file = self._take_in_view(image)
        self.images.take_in(image.sha256, image.extension, file)

    def _take_in_view(self, image: Staged) -> Path | None:
        """Write the view of an image; return the image file, if it has a temporary name."""
        written = {Path(path).parent.parent.name: Path(temporary) for temporary, path in image.pending}
        file = written.get("images")
        view = file if image.view is not None else written.get("views")
        if image.view is not None:
            self.views.take_in(image.sha256, "jpg", view, keep=True)
        else:
            self.views.take_in(image.sha256, "jpg", view)
        return file


def _key_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[2]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
