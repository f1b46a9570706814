"""The worker's part of an inspection: summarise the labels of a source, and find images to show them with."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from sqlalchemy import select

from annotator.domain.schema import Schema
from annotator.errors import FacelabelError
from annotator.formats.importers.base import SourceContents
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.summary import SourceSummary, summarise_contents
from annotator.formats.tables.summary import summarise_table
from annotator.formats.tools import class_folders
from annotator.imaging.image_files import Limits
from annotator.imaging.image_store import small_jpeg
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.importing.image_lookup import ImageLookup
from annotator.services.importing.images import decode_files
from annotator.services.importing.inspection.store import Inspection, ShownImage
from annotator.services.importing.read import ReadSource

_SHOWN = 5


def inspect_source(
    project: ProjectFolder, read: ReadSource, schema: Schema, mapping: Mapping, limits: Limits
) -> Inspection:
    """Summarise the labels of a source, and find the images of five of its rows in the source or the project.

    Raises:
        FacelabelError: if a table cannot be read at all.
    """
    summary = _summarise(read, schema, mapping)
    names = [
        example.image if summary.image is None else (example.cells.get(summary.image) or "").strip()
        for example in summary.examples
    ]
    images = _from_source(read, names, limits) or _from_project(project, names)
    return Inspection(summary, tuple(images), read.contents.video)


def _summarise(read: ReadSource, schema: Schema, mapping: Mapping) -> SourceSummary:
    if read.table is not None:
        return summarise_table(read.table, schema, mapping)
    if read.folder is None:
        is_tree = read.format.endswith("class_folders")
        return summarise_contents(read.contents, "folders" if is_tree else "names")
    summary = summarise_contents(SourceContents(answers=class_folders.folder_answers(read.folder)), "folders")
    return SourceSummary() if summary.more_columns else summary


def _from_source(read: ReadSource, names: list[str], limits: Limits) -> list[ShownImage]:
    files = {file.name: file for file in read.files}
    wanted = [files[name] for name in _spread(name for name in names if name in files)]
    shown = []
    with suppress(FacelabelError):  # too many decoders were killed; the import says so
        for file, jpeg in decode_files(
            partial(small_jpeg, limits), wanted, lambda *_: None, limits=limits, refused=lambda _: None
        ):
            if jpeg is not None:
                shown.append(ShownImage(file.name, jpeg=base64.b64encode(jpeg).decode()))
    return shown


def _from_project(project: ProjectFolder, names: list[str]) -> list[ShownImage]:
    if not names:
        return []
    with project.database.read() as session:
        lookup = ImageLookup(session, names, {})
        ids = {name: match.images[0] for name in names if len((match := lookup.find(name)).images) == 1}
        query = select(Image.id, Image.sha256).where(Image.id.in_(set(ids.values())))
        hashes = dict(session.execute(query).all())
    return [ShownImage(name, sha256=hashes[ids[name]]) for name in _spread(ids)]


def _spread(names: Iterable[str]) -> list[str]:
    """At most five names that lie at equal distances."""
    different = list(dict.fromkeys(names))
    return (
        [different[number * len(different) // _SHOWN] for number in range(_SHOWN)]
        if len(different) > _SHOWN
        else different
    )
