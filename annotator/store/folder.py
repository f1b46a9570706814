"""The store that every project has unless another one is named: folders on this machine's disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from io import BufferedReader
from pathlib import Path

from annotator.files import link_into, place_checked, rename_into, shard_path, sync_disk, sync_folder
from annotator.store.base import Staged


@dataclass(frozen=True)
class FolderStore:
    """Files in a folder: ab/abcd….jpg."""

    root: Path

    @property
    def local_root(self) -> Path:
        """The folder."""
        return self.root

    @property
    def staging(self) -> Path:
        """The folder itself: a file is in the store once it has its name."""
        return self.root

    def open(self, sha256: str, extension: str) -> BufferedReader:
        """Open a file; as of `ContentStore`."""
        return shard_path(self.root, sha256, extension).open("rb")

    @contextmanager
    def local_path(self, sha256: str, extension: str) -> Iterator[Path]:
        """Give the path of a file; as of `ContentStore`."""
        yield shard_path(self.root, sha256, extension)

    def place(self, sha256: str, extension: str, place: Path, *, link: bool) -> bool:
        """Give a file a second name, or copy it; as of `ContentStore`."""
        return place_checked(shard_path(self.root, sha256, extension), place, sha256, link=link)

    def describe(self, sha256: str, extension: str) -> str:
        """Return the path of a file."""
        return str(shard_path(self.root, sha256, extension))

    def content_hash(self, sha256: str, extension: str) -> str:
        """Return the SHA-256 of a file's bytes; as of `ContentStore`."""
        try:
            with self.open(sha256, extension) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return ""

    def shards(self) -> set[str]:
        """Return the two digits with which the SHA-256 of any file begins."""
        return {folder.name for folder in self.root.glob("??")}

    def list(self, shard: str) -> set[str]:
        """Return the names of the files whose SHA-256 begins with these two digits."""
        try:
            return set(os.listdir(self.root / shard))  # noqa: PTH208 - names, not paths
        except OSError:
            return set()

    def delete(self, sha256: str) -> int:
        """Remove all files of this SHA-256, also those that a killed process had not renamed yet; return their number."""
        folder = self.root / sha256[:2]
        files = [*folder.glob(f"{sha256}*"), *folder.glob(f".{sha256}*")]
        for file in files:
            file.unlink(missing_ok=True)
        if files:
            sync_folder(folder)
            with suppress(OSError):  # other files are in it
                folder.rmdir()
        return len(files)

    def clean_up(self) -> None:
        """Remove the temporary files of killed imports; no import may run."""
        for leftover in self.root.glob("*/.*.tmp"):
            leftover.unlink(missing_ok=True)


@dataclass(frozen=True)
class FolderStores:
    """The stores of a project that keeps its images in its folder: images/, photos/ and views/."""

    folder: Path
    url: str = ""

    @cached_property
    def images(self) -> FolderStore:
        """The image files."""
        return FolderStore(self.folder / "images")

    @cached_property
    def photos(self) -> FolderStore:
        """The photos."""
        return FolderStore(self.folder / "photos")

    @cached_property
    def views(self) -> FolderStore:
        """The views."""
        return FolderStore(self.folder / "views")

    def signed_view(self, sha256: str, seconds: int) -> str | None:  # noqa: ARG002
        """Return None: this server has all views."""
        return None

    def finish(self, staged: Iterable[Staged], photos: Iterable[tuple[str, str]] = ()) -> None:  # noqa: ARG002
        """Give new files their names durably. Photos and their crops have theirs as soon as they are written.

        A batch takes two syncs of the disk. A sync of every file and folder would take most of an import's time.

        Raises:
            FacelabelError: if the store cannot be written.
        """
        new = [image for image in staged if image.pending]
        if not new:
            return
        sync_disk(self.images.root)
        for image in new:
            for temporary, path in image.pending:
                rename_into(path, temporary)
            if image.view is not None:
                link_into(image.view, image.pending[0][1])
        sync_disk(self.images.root)

    def discard(self, staged: Staged) -> None:
        """Remove an image that is not to be recorded."""
        for temporary, path in staged.pending:
            Path(temporary).unlink(missing_ok=True)
            Path(path).unlink(missing_ok=True)
        shard_path(self.views.root, staged.sha256, "jpg").unlink(missing_ok=True)
