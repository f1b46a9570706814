"""Reading a source of any format: its image files, and its labels in its own words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from annotator.domain.schema import Schema
from annotator.errors import FacelabelError
from annotator.formats.import_formats import LABEL_FILES, READERS, find_label_files
from annotator.formats.importers import video
from annotator.formats.importers.archives import unpacking
from annotator.formats.importers.archives.names import same_anywhere
from annotator.formats.importers.base import SourceContents
from annotator.formats.importers.folder_files import list_folder
from annotator.formats.importers.ignored_files import IgnoredFiles, counted_kinds
from annotator.services.importing.source_files import SourceFile, list_images
from annotator.services.importing.sources import ImportOptions, Source, recognise_source


@dataclass(frozen=True)
class ReadSource:
    """A source that was read. Nothing in it is translated or imported yet.

    Args:
        format: what it turned out to be, as the report says it ("archive of cvat with its images").
        files: its image files.
        contents: its labels in its own words.
        folder: a single folder of images, whose sub-folders may be named after values.
        table: a table of labels; the translation reads it, because only the schema tells which of its columns count.
        found: the number of its files without its label files: `files`, `refused`, `ignored` and `copies` together.
        refused: (name, reason) of every file that cannot be imported.
        ignored: the files that are neither images nor labels.
        copies: (path, image name) of files that hold the same image as one of `files`.
        has_label_files: files with labels lie in its folders, to be imported separately.
        unread: (place, reason) of every part of its label files that was not read.
        notes: what the user should know, in whole sentences.
    """

    format: str
    files: list[SourceFile] = field(default_factory=list)
    contents: SourceContents = field(default_factory=SourceContents)
    folder: Path | None = None
    table: Path | None = None
    found: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    ignored: IgnoredFiles = field(default_factory=IgnoredFiles)
    copies: list[tuple[str, str]] = field(default_factory=list)
    has_label_files: bool = False
    unread: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def has_labels(self) -> bool:
        """Whether it holds labels, or lies beside some."""
        return bool(self.table or self.contents.answers or self.unread or self.has_label_files)

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of the images that it tells them of, by name."""
        return {image.name: image.sha256 for image in self.contents.images if image.sha256}


def read_source(source: Source, schema: Schema, options: ImportOptions, scratch: Path) -> ReadSource:
    """Read a source of any format.

    Args:
        source: the source.
        schema: recognises class folders inside an archive.
        options: the limits of archives and the frames of videos.
        scratch: an empty folder for what is unpacked.

    Raises:
        FacelabelError: if it cannot be read.
    """
    path = source.paths[0]
    if source.format == "folder":
        return _read_folders(source)
    if source.format == "archive":
        return _read_archive(path, schema, options, scratch)
    if source.format == "table":
        return ReadSource(source.format, table=path)
    if source.format == "video":
        return _read_contents(source, video.read(path, scratch, options.video, options.check_stop))
    return _read_contents(source, READERS[source.format].read(path))


def _read_folders(source: Source) -> ReadSource:
    """Folders and image files, named by their path below each folder."""
    listing = list_images(list(source.paths))
    notes = [
        f"{path.name} may hold labels ({format_name}): import it separately, after the images."
        for folder in source.paths
        if folder.is_dir()
        for path, format_name in find_label_files(folder).items()
    ]
    return ReadSource(
        source.format,
        listing.files,
        folder=source.paths[0] if len(source.paths) == 1 and source.paths[0].is_dir() else None,
        found=listing.found,
        refused=listing.refused,
        ignored=listing.ignored,
        has_label_files=bool(notes),
        notes=listing.notes + notes,
    )


def _read_contents(source: Source, contents: SourceContents) -> ReadSource:
    """The contents that the reader of a format returned."""
    place = source.paths[0].resolve()
    files: dict[Path, SourceFile] = {}
    for image in contents.images:
        if image.path is not None and image.path not in files:
            original_path = image.original_path or _path_below(source.paths[0], image.path)
            files[image.path] = SourceFile(
                image.path, image.name, image.source or place.name, image.group, original_path, image.faces
            )
    return ReadSource(
        source.format,
        list(files.values()),
        contents,
        found=contents.found or len(files),
        refused=contents.refused_files,
        ignored=contents.ignored,
        copies=contents.copies,
        unread=contents.refused,
        notes=contents.notes,
    )


def _path_below(folder: Path, path: Path) -> str:
    """The path of a file below a folder; "" if it is elsewhere."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""


def _read_archive(path: Path, schema: Schema, options: ImportOptions, scratch: Path) -> ReadSource:
    """Unpack an archive and read what is in it, whatever its format."""
    unpacked = scratch / "unpacked" / _name_of_archive(path)  # a tree of class folders is named so
    unpacked.mkdir(parents=True)
    members = unpacking.unpack(path, unpacked, options.archives, options.check_stop, options.names_encoding)
    folder = _top_folder(unpacked)
    inside = Source((folder,), recognise_source(folder, schema, options.mapping))
    label_files = [item for item in find_label_files(folder).items() if item[1] in LABEL_FILES]
    if inside.format == "folder" and not label_files and (table := _only_table(folder)):
        read = read_source(Source((table,), "table"), schema, options, scratch)
        read = replace(read, format="archive of table")
    elif inside.format == "folder" and len(label_files) == 1:
        read = _read_labelled_folder(folder, *label_files[0], schema, options, scratch)
    else:
        read = read_source(inside, schema, options, scratch)
        read = replace(read, format=f"archive of {read.format}")
    ignored = members.ignored
    ignored.update(read.ignored)
    if not (read.files or read.refused or members.refused or read.has_labels):
        raise _nothing_in(path, ignored)
    read = _with_own_names(read, unpacked, members.renamed)
    return replace(
        read,
        files=[_file_of_archive(file, path.name, unpacked, folder) for file in read.files],
        found=read.found + len(members.refused) + ignored.total - read.ignored.total,
        refused=members.refused + read.refused,
        ignored=ignored,
        notes=members.notes + read.notes,
    )


def _nothing_in(path: Path, ignored: IgnoredFiles) -> FacelabelError:
    held = f", only {counted_kinds(ignored.counts)}" if ignored.total else ""
    return FacelabelError(
        "no_images",
        f"{path} holds no image and no labels{held}.",
        do=" ".join([*ignored.advice.values(), "Name an archive with images."]),
    )


def _only_table(folder: Path) -> Path | None:
    """The table in a folder without images, if there is only one."""
    listing = list_folder(folder)
    tables = [path for path, form in find_label_files(folder).items() if form == "table"]
    return tables[0] if len(tables) == 1 and not listing.images and not listing.refused else None


def _name_of_archive(path: Path) -> str:
    """The archive's name without its endings."""
    name = path.name.partition(".")[0].strip()
    return name or "archive"


def _file_of_archive(file: SourceFile, source_name: str, unpacked: Path, folder: Path) -> SourceFile:
    """A file with its path in the archive; one that its source says another origin of keeps that."""
    if not file.path.is_relative_to(folder):
        return replace(file, source_name=source_name)
    if _path_below(folder, file.path) != (file.original_path or file.name):
        is_known = file.source_name != folder.name
        return file if is_known else replace(file, source_name=source_name)
    return replace(file, source_name=source_name, original_path=_path_below(unpacked, file.path))


def _with_own_names(read: ReadSource, unpacked: Path, renamed: dict[str, str]) -> ReadSource:
    """The same with the names that the archive has for files that have another one on the disk."""
    if not renamed:
        return read
    files, new_names = [], {}
    for file in read.files:
        own = renamed.get(same_anywhere(file.path.relative_to(unpacked).as_posix()))
        name = str(PurePosixPath(file.name).with_name(PurePosixPath(own).name)) if own else file.name
        new_names[file.name] = name
        files.append(replace(file, name=name))
    answers = [
        replace(answer, image=new_names.get(answer.image, answer.image)) for answer in read.contents.answers
    ]
    return replace(read, files=files, contents=replace(read.contents, answers=answers))


def _read_labelled_folder(
    folder: Path, label_file: Path, format_name: str, schema: Schema, options: ImportOptions, scratch: Path
) -> ReadSource:
    """An unpacked folder of images with one label file, which names them relative to `images/`."""
    labels = read_source(Source((label_file,), format_name), schema, options, scratch)
    listing = list_folder(folder)
    names = {path: listing.name(path).removeprefix("images/") for path in listing.images}
    if len(set(names.values())) < len(names):
        names = {path: listing.name(path) for path in listing.images}
    return replace(
        labels,
        format=f"archive of {format_name} with its images",
        files=[
            SourceFile(path, name, folder.name, original_path=listing.name(path))
            for path, name in names.items()
        ],
        found=listing.found - 1,  # without the label file
        refused=listing.refused,
        ignored=listing.ignored(but=[label_file]),
        notes=labels.notes + listing.notes,
    )


def _top_folder(folder: Path) -> Path:
    """The folder in an unpacked archive that holds everything else: archives of a folder hold that folder."""
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder
