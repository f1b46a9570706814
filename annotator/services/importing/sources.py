"""What a user asks to import: the sources with their formats, and the options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from annotator.domain.names import find_attribute
from annotator.domain.schema import Schema
from annotator.errors import WrongUse
from annotator.formats.import_formats import recognise
from annotator.formats.importers.archives.unpacking import ArchiveLimits
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.video import VideoOptions
from annotator.formats.tools import class_folders
from annotator.formats.unread_formats import describe_unread
from annotator.imaging.image_files import Limits
from annotator.project import ProjectFolder
from annotator.services.importing.reports import HeadSurvey
from annotator.services.importing.source_files import require_images
from annotator.services.schema.active import active_schema

_SHOWN = 3


@dataclass(frozen=True)
class ImportOptions:
    """How sources are imported.

    Args:
        limits: image files beyond them are refused before they are decoded.
        format: a name of `import_formats.FORMATS`, or auto.
        mapping: translates the names in a source into ours.
        dry_run: report what would happen and change nothing.
        as_opinions: labels are kept as opinions of a labeller named after the source, not as the truth.
        faces: cut photos and video frames into one image per head.
        choose_heads: decides instead of `faces` after a look at some photos; gets None if the source holds more than photos.
        archives: what an archive may hold.
        names_encoding: the encoding of names in archives that do not say theirs, of `archives.names.NAME_ENCODINGS`.
        video: which frames of a video become images.
        restore_erased: also import images that were erased for good.
        check_stop: called between two members of an archive or two frames of a video; what it raises ends the import.
    """

    limits: Limits
    format: str = "auto"
    mapping: Mapping = field(default_factory=Mapping)
    dry_run: bool = False
    as_opinions: bool = False
    faces: bool = False
    choose_heads: Callable[[HeadSurvey | None], bool] | None = None
    archives: ArchiveLimits = field(default_factory=ArchiveLimits)
    names_encoding: str = "auto"
    video: VideoOptions = field(default_factory=VideoOptions)
    restore_erased: bool = False
    check_stop: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Source:
    """Something to import, and its format. All folders and image files of one command are one source."""

    paths: tuple[Path, ...]
    format: str

    @property
    def name(self) -> str:
        """The paths as the user wrote them; of many the first three."""
        return ", ".join(str(path) for path in self.paths[:_SHOWN]) + (", …" if self.paths[_SHOWN:] else "")


def find_sources(
    project: ProjectFolder, paths: list[Path], format_name: str = "auto", mapping: Mapping | None = None
) -> list[Source]:
    """Recognise the formats of paths; folders and image files come first, as one source.

    Args:
        project: the project.
        paths: what is to be imported.
        format_name: the format of all of them, or auto.
        mapping: the mapping that is used for them; it may name class folders.

    Raises:
        WrongUse: if a path does not exist, the folders hold no image file, or a file is of a kind that is not read.
    """
    with project.database.read() as session:
        schema = active_schema(session).schema
    formats = {
        path: recognise_source(path, schema, mapping or Mapping()) if format_name == "auto" else format_name
        for path in paths
    }
    for path in paths:
        if not path.exists():
            raise WrongUse("no_source", f"{path} does not exist.", do="Name a folder or a file that exists.")
    folders = tuple(path for path, its_format in formats.items() if its_format == "folder")
    for path, its_format in formats.items():
        if its_format == "archive":
            _require_readable(path)
    if folders:
        require_images(list(folders))
    others = [Source((path,), its_format) for path, its_format in formats.items() if its_format != "folder"]
    return [Source(folders, "folder"), *others] if folders else others


def _require_readable(path: Path) -> None:
    """Check that a file named like an archive is not of a kind that cannot be unpacked here."""
    if unread := describe_unread(path):
        raise WrongUse("unread_format", f"{path} is {unread.what}, which is not read.", do=unread.do)


def recognise_source(path: Path, schema: Schema, mapping: Mapping) -> str:
    """Return the format of a path. Only the schema's attributes, or the mapping, tell class folders from other folders."""
    format_name = recognise(path)
    if format_name == "folder" and (trees := class_folders.trees(path)):
        return "class_folders" if _answer_attributes(trees, schema, mapping) else format_name
    return format_name


def _answer_attributes(trees: list[str], schema: Schema, mapping: Mapping) -> bool:
    """Whether every tree is named by the mapping or like an attribute, and at least one of them is not ignored."""
    targets = []
    for tree in trees:
        entry = mapping.column(tree)
        attribute = find_attribute(schema, tree)
        if entry is None and attribute is None:
            return False
        targets.append(entry[0] if entry is not None else tree)
    return any(targets)
