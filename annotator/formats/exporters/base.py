"""What every writer of a foreign format takes and gives, and the folder that is whole or absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from annotator.domain.schema import CANNOT_TELL_NAME, Schema
from annotator.errors import FacelabelError
from annotator.files import UNFINISHED, hold_folder, remove_unfinished, sync_folder
from annotator.formats.snapshot.images import SnapshotImage
from annotator.formats.snapshot.writer import ImageMode

_SHOWN = 5


@dataclass(frozen=True)
class Export:
    """A dataset on its way out.

    Args:
        schema: all attributes with their values, the people of open attributes too.
        images: the images with their labels, by name; they can be gone through once.
        images_root: where the image files stand by content.
        place: whether the format's folder gets the image files too, as links or as copies.
    """

    schema: Schema
    images: Iterable[SnapshotImage]
    images_root: Path
    place: ImageMode = "none"

    def names(self) -> dict[tuple[str, int | None], str]:
        """(attribute, code) → the value's name; the code None is "can't tell"."""
        found: dict[tuple[str, int | None], str] = {
            (attribute.name, value.code): value.name
            for attribute in self.schema.attributes
            for value in attribute.values
        }
        return found | {(attribute.name, None): CANNOT_TELL_NAME for attribute in self.schema.attributes}

    def columns(self) -> list[str]:
        """The attributes' names in schema order."""
        return [attribute.name for attribute in self.schema.attributes]

    def put_image(self, image: SnapshotImage, place: Path, *, always: bool = False) -> None:
        """Put an image's file at `place` under its name, if the export takes images along.

        A hard link where the file system allows it, unless copies are asked for. `always`: link it also if not.
        """
        if self.place == "none" and not always:
            return
        source = self.images_root / image.file
        place.parent.mkdir(parents=True, exist_ok=True)
        if self.place != "copy":
            try:
                os.link(source, place)
            except FileExistsError:
                raise
            except OSError:  # another file system
                shutil.copyfile(source, place)
        else:
            shutil.copyfile(source, place)


@dataclass(frozen=True)
class Loss:
    """Something that was left out: what, how often, and of which images first."""

    what: str
    count: int
    first: tuple[str, ...]


@dataclass
class Losses:
    """What a format could not say: per reason how often, and the first names."""

    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, name: str) -> None:
        """Note that something of `name` (an image, or an image and its attribute) was left out."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        shown = self.names.setdefault(reason, [])
        if len(shown) < _SHOWN and name not in shown:
            shown.append(name)

    def as_list(self) -> list[Loss]:
        """The losses in the order in which they were first met."""
        return [Loss(what, count, tuple(self.names[what])) for what, count in self.counts.items()]


def cannot_say(form: str, what: str) -> FacelabelError:
    """The error for what a format has no way to write; a file that reads back as something else is never written."""
    return FacelabelError(
        "format_cannot_say",
        f"{form} cannot hold this dataset: {what}.",
        kept="Nothing was written.",
        do="Rename it, or choose another format; the snapshot holds everything.",
    )


def safe_name(form: str, name: str) -> str:
    """An image's name as a path inside a folder.

    Raises:
        FacelabelError: if it is not one.
    """
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts or "/".join(parts) != name:
        raise cannot_say(form, f"{name!r} cannot be the name of a file inside a folder")
    return name


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to write in under a temporary name; synced and renamed at the end, removed after an error.

    Raises:
        FacelabelError: if it exists already, is being written by somebody else or cannot be written.
    """
    if folder.exists():
        raise FacelabelError(
            "folder_exists",
            f"{folder} exists already, and an export never writes over anything.",
            do="Name another folder.",
        )
    unfinished = folder.with_name(f".{folder.name}{UNFINISHED}")
    remove_unfinished(unfinished)
    try:
        unfinished.mkdir(parents=True)
        with hold_folder(unfinished):
            yield unfinished
            _sync(unfinished)
            unfinished.replace(folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise FacelabelError(
            "cannot_write",
            f"{folder} could not be written: {error}.",
            do="Make room, name another folder, or another format if a name is too long for this file system.",
        ) from error
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _sync(folder: Path) -> None:
    """Make every new file and folder durable; a link's bytes are durable already."""
    for place, _, files in os.walk(folder):
        for name in files:
            path = Path(place, name)
            if path.stat().st_nlink == 1:
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        sync_folder(Path(place))
