"""What every writer of an export format receives and returns, and the folder that it writes to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from annotator.domain.schema import CANNOT_TELL_NAME, Schema
from annotator.errors import FacelabelError
from annotator.files import staged_folder, sync_tree
from annotator.formats.snapshot.images import SnapshotImage, place_image
from annotator.formats.snapshot.writer import ImageMode
from annotator.store.base import ContentStore

_SHOWN = 5


@dataclass(frozen=True)
class Export:
    """A dataset to export.

    Args:
        schema: all attributes with their values, including the people of open attributes.
        images: the images with their labels, in the order of their names; they can be iterated once.
        store: the store of the image files.
        place: whether image files are written too, as links or as copies.
    """

    schema: Schema
    images: Iterable[SnapshotImage]
    store: ContentStore
    place: ImageMode = "none"

    def names(self) -> dict[tuple[str, int | None], str]:
        """Return the values' names by (attribute, code); the code None is "can't tell"."""
        names: dict[tuple[str, int | None], str] = {
            (attribute.name, value.code): value.name
            for attribute in self.schema.attributes
            for value in attribute.values
        }
        return names | {(attribute.name, None): CANNOT_TELL_NAME for attribute in self.schema.attributes}

    def columns(self) -> list[str]:
        """Return the attributes' names in schema order."""
        return [attribute.name for attribute in self.schema.attributes]

    def put_image(self, image: SnapshotImage, place: Path, *, always: bool = False) -> None:
        """Write an image's file at `place`, if the export includes image files; it is linked unless copies are requested.

        Args:
            image: the image.
            place: the new file.
            always: write it in any case.

        Raises:
            FacelabelError: if the image's file is missing, or its bytes have changed.
            OSError: if it cannot be written; FileExistsError if there is such a file already.
        """
        if self.place == "none" and not always:
            return
        place_image(self.store, image.file, image.name, place, link=self.place != "copy")


@dataclass(frozen=True)
class Loss:
    """Something that was left out: what, how often, and the first images that it concerns."""

    what: str
    count: int
    first: tuple[str, ...]


@dataclass
class Losses:
    """What a format could not hold: the number of cases and the first names by reason."""

    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, name: str) -> None:
        """Count something that was left out of the image `name`."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        shown = self.names.setdefault(reason, [])
        if len(shown) < _SHOWN and name not in shown:
            shown.append(name)

    def as_list(self) -> list[Loss]:
        """Return the losses in the order of their first occurrence."""
        return [Loss(what, count, tuple(self.names[what])) for what, count in self.counts.items()]


def cannot_say(form: str, what: str) -> FacelabelError:
    """The error for a dataset that would be read back as another one; such a file is never written."""
    return FacelabelError(
        "format_cannot_say",
        f"{form} cannot hold this dataset: {what}.",
        kept="Nothing was written.",
        do="Rename it, or choose another format; a snapshot holds everything.",
    )


def safe_name(form: str, name: str) -> str:
    """Return an image's name, which is to be the name of a file inside a folder.

    Raises:
        FacelabelError: if it cannot be one.
    """
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts or "/".join(parts) != name:
        raise cannot_say(form, f"{name!r} cannot be the name of a file inside a folder")
    return name


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a hidden folder to write an export in; it gets its name when it is whole and durable.

    Raises:
        FacelabelError: if the folder exists already, is being written by another process or cannot be written; nothing
            is left behind then.
    """
    if folder.exists():
        raise FacelabelError(
            "folder_exists",
            f"{folder} exists already, and an export never overwrites anything.",
            do="Name another folder.",
        )
    try:
        with staged_folder(folder) as unfinished:
            yield unfinished
            sync_tree(unfinished)
    except OSError as error:
        raise FacelabelError(
            "cannot_write",
            f"{folder} could not be written: {error}.",
            do="Make room, name another folder, or choose another format if a name is too long for this file system.",
        ) from error
