"""The files of a folder, so that an import can account for every one of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from annotator.domain.plurals import counted
from annotator.domain.project_files import STORES, holds_project, is_part
from annotator.formats.importers.base import SourceContents, SourceImage
from annotator.formats.importers.ignored_files import (
    IgnoredFiles,
    is_system_file,
    is_system_folder,
    read_head,
)
from annotator.imaging.image_kinds import IMAGE_ENDINGS, sniff_image, unreadable_kind

_SHOWN = 3
_MASK_FOLDER = re.compile(
    r"masks?|annotations?|segmentations?|segmentation(class|object)|ground[-_ ]?truth|.*mask[-_ ]anno(tations?)?",
    re.IGNORECASE,
)
_FACE_MASK = re.compile(
    r"\d+_(skin|nose|eye_g|[lr]_eye|[lr]_brow|[lr]_ear|mouth|u_lip|l_lip|hair|hat|ear_r|neck_l|neck|cloth)\.png",
    re.IGNORECASE,
)
_STORED = re.compile("[0-9a-f]{64}")
_GRAY, _INDEXED = 0, 3
"""PNG's colour types of one value per pixel."""


@dataclass
class FolderListing:
    """Every file below a folder, once.

    Args:
        folder: the folder.
        images: files that are images by their ending, or by their content.
        others: other files that a person may have put there, such as lists of labels.
        masks: images that mark the pixels of photos beside them.
        system: hidden files, and thumbnails and metadata of other programs.
        refused: (name, reason) of folders that cannot be read, and of files whose names cannot be kept.
        notes: what the user should know about links, in whole sentences.
    """

    folder: Path
    images: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    masks: list[Path] = field(default_factory=list)
    system: list[Path] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def found(self) -> int:
        """The number of all files and unreadable folders."""
        files = len(self.images) + len(self.others) + len(self.masks) + len(self.system)
        return files + len(self.refused)

    def name(self, path: Path) -> str:
        """The path below the folder, with `/` between its parts."""
        return path.relative_to(self.folder).as_posix()

    def ignored(self, but: Iterable[Path] = ()) -> IgnoredFiles:
        """Count the files that are not imported by kind, except those in `but`."""
        used, ignored = set(but), IgnoredFiles()
        for path in self.others:
            if path not in used:
                ignored.add(path.relative_to(self.folder), read_head(path))
        for path in self.system:
            if path not in used:
                ignored.add(path.relative_to(self.folder))
        if masks := sum(path not in used for path in self.masks):
            ignored.add_kind("masks", masks)
        return ignored


@dataclass
class _Walk:
    """What was met on the way through a folder. Folders are known by device and inode, so that each is read once."""

    root: Path
    seen: set[tuple[int, int]] = field(default_factory=set)
    outside: list[str] = field(default_factory=list)
    circles: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    projects: list[Path] = field(default_factory=list)


def list_folder(folder: Path, *, masks_are_images: bool = False) -> FolderListing:
    """List the files below a folder in a fixed order.

    Links to folders are followed, but no folder is read twice, and none that holds the folder itself. What Facelabel keeps in
    the folder of a project, such as smaller copies of images, is left out.

    Args:
        folder: the folder.
        masks_are_images: count masks beside photos as images.
    """
    listing, walk = FolderListing(folder), _Walk(folder)
    for path in _walk(walk):
        name = path.relative_to(folder)
        if not is_utf8(str(name)):
            printable = name.as_posix().encode(errors="surrogateescape").decode(errors="replace")
            listing.refused.append((printable, "has a name that is not UTF-8; rename it"))
        elif is_system_file(path.name) or any(map(is_system_folder, name.parts[:-1])):
            listing.system.append(path)
        else:
            (listing.images if is_image(path) else listing.others).append(path)
    if not masks_are_images:
        _ignore_masks(listing)
    listing.refused += walk.unreadable
    listing.notes += _link_notes(walk)
    listing.notes += [
        f"The files of the Facelabel project in {project} are no part of the source."
        for project in walk.projects
    ]
    return listing


def walk_images(folder: Path) -> Iterator[Path]:
    """Yield the image files below a folder in the order of `list_folder`, masks among them."""
    for path in _walk(_Walk(folder)):
        parts = path.relative_to(folder).parts
        if not is_system_file(path.name) and not any(map(is_system_folder, parts[:-1])) and is_image(path):
            yield path


def is_image(path: Path) -> bool:
    """Return whether a file is an image by its ending, or, with any other ending, by its content."""
    if path.suffix.lower() in IMAGE_ENDINGS:
        return True
    head = read_head(path)
    return bool(head) and unreadable_kind(path, head) is None and sniff_image(head) is not None


def take_rest(
    contents: SourceContents, folder: Path, read: Iterable[Path], name: Callable[[Path], str], why: str
) -> None:
    """Add the images of a folder that its format does not mention, without labels, and count the other files as ignored.

    Args:
        contents: what the format's reader found; images and a note are added to it.
        folder: the folder.
        read: the label files that the format's reader has read.
        name: gives the image name of a file.
        why: why these images have no labels, as in "3 of its images are in no row".
    """
    listing = list_folder(folder, masks_are_images=True)
    mentioned = {image.path for image in contents.images}
    images = [path for path in listing.images if path not in mentioned]
    contents.images += [SourceImage(name(path), path) for path in images]
    account_for(contents, listing, read)
    if images:
        first = ", ".join(listing.name(path) for path in images[:_SHOWN])
        more = ", …" if len(images) > _SHOWN else ""
        contents.notes.append(
            f"{len(images)} of its images {why}; they are imported without labels: {first}{more}"
        )


def account_for(contents: SourceContents, listing: FolderListing, read: Iterable[Path]) -> None:
    """Count the files of a folder in `contents`, which has all images of it that are to be imported.

    Args:
        contents: what the format's reader found.
        listing: the folder.
        read: the label files that the reader has read. They are not counted.
    """
    used = {image.path for image in contents.images if image.path is not None}
    labels = {*read} & {*listing.others, *listing.system} - used
    listed = {*listing.images, *listing.others, *listing.masks, *listing.system}
    by_links = used - listed  # files that the source names by a path that leads through a link
    contents.found = listing.found - len(labels) + len(by_links)
    contents.ignored.update(listing.ignored(but=used | labels))
    contents.refused_files += listing.refused
    contents.notes += listing.notes


def unique_names(folder: Path, images: list[Path]) -> dict[Path, str]:
    """Name images by their file names, or by their paths below the folder if two have the same file name."""
    names = [image.name for image in images]
    if len(set(names)) == len(names):
        return dict(zip(images, names, strict=True))
    return {image: image.relative_to(folder).as_posix() for image in images}


def _walk(walk: _Walk) -> Iterator[Path]:
    """Yield every file, first of the real folders, then of those that links lead to."""
    above = {_identity(parent) for parent in walk.root.resolve().parents}
    folders: list[Path] = [walk.root]
    links: list[Path] = []
    while folders or links:
        is_link = not folders
        folder = links.pop(0) if is_link else folders.pop()
        try:
            identity = _identity(folder)
            if identity in walk.seen or identity in above:
                walk.circles.append(folder.relative_to(walk.root).as_posix())
                continue
            walk.seen.add(identity)
            if is_link and not folder.resolve().is_relative_to(walk.root.resolve()):
                walk.outside.append(_link_text(walk.root, folder))
            with os.scandir(folder) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            walk.unreadable.append(
                (folder.relative_to(walk.root).as_posix(), f"cannot be opened ({error.strerror})")
            )
            continue
        subfolders = []
        for child in _not_of_project(walk, folder, children):
            path = folder / child.name
            if not _is_folder(child):
                if (
                    child.is_symlink()
                    and path.exists()
                    and not path.resolve().is_relative_to(walk.root.resolve())
                ):
                    walk.outside.append(_link_text(walk.root, path))
                yield path
            elif child.is_symlink():
                links.append(path)
            else:
                subfolders.append(path)
        folders += reversed(subfolders)


def _not_of_project(walk: _Walk, folder: Path, children: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    """What is in a folder besides what a project made there, such as images/ab/abcd….jpg."""
    if holds_project({child.name for child in children}):
        walk.projects.append(folder)
        return [child for child in children if child.name in STORES or not is_part(child.name)]
    if folder.parent.name in STORES and folder.parent.parent in walk.projects:
        return [child for child in children if not _is_stored(child.name, folder.name)]
    return children


def _is_stored(name: str, shard: str) -> bool:
    return name.startswith(shard) and _STORED.fullmatch(name.partition(".")[0]) is not None


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _link_text(root: Path, path: Path) -> str:
    return f"{path.relative_to(root).as_posix()} → {path.resolve()}"


def _link_notes(walk: _Walk) -> list[str]:
    notes = []
    if walk.outside:
        notes.append(
            f"{counted(len(walk.outside), 'link leads', 'links lead')} out of {walk.root} and {'was' if len(walk.outside) == 1 else 'were'} followed: {_first(walk.outside)}"
        )
    if walk.circles:
        notes.append(
            f"{counted(len(walk.circles), 'link to a folder was', 'links to folders were')} not followed, because what it leads to "
            f"is read anyway or holds {walk.root}: {_first(walk.circles)}"
        )
    return notes


def _first(texts: list[str]) -> str:
    printable = (text.encode(errors="backslashreplace").decode() for text in texts[:_SHOWN])
    return ", ".join(printable) + (f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")


def is_utf8(name: str) -> bool:
    """Return whether a file name can be kept in the database and in files of labels."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _ignore_masks(listing: FolderListing) -> None:
    """Ignore masks, unless there is nothing but masks: who imports a folder of masks wants them."""
    masks = {path for path in listing.images if _is_mask(path, path.relative_to(listing.folder))}
    if masks and len(masks) < len(listing.images):
        listing.masks = [path for path in listing.images if path in masks]
        listing.images = [path for path in listing.images if path not in masks]


def _is_mask(path: Path, name: PurePath) -> bool:
    """Whether a PNG marks pixels: it is called like CelebAMask-HQ's, or is gray or indexed in a folder of masks."""
    if name.suffix.lower() != ".png":
        return False
    in_mask_folder = any(_MASK_FOLDER.fullmatch(part) for part in name.parts[:-1])
    if not in_mask_folder:
        return _FACE_MASK.fullmatch(name.name) is not None
    head = read_head(path)
    return _FACE_MASK.fullmatch(name.name) is not None or (
        head[12:16] == b"IHDR" and head[25] in {_GRAY, _INDEXED}
    )
