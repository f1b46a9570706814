"""Which objects of a listing are images to import: by their names, and by what was imported before."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from sqlalchemy import select

from annotator.imaging.image_kinds import IMAGE_ENDINGS
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.importing.reports import ImageReport
from annotator.store.bucket import Found
from annotator.store.remote import RemoteStores

AT_ONCE = 16
"""Objects that are read at the same time: each takes a turn around the network."""
_PAGE = 10_000
CHANGED = "has other bytes than at its import, so the image has lost its file; restore it, or give the new file another name"
GONE = "was removed meanwhile"
NOT_FINAL = {CHANGED, GONE}
"""Reasons to refuse an object that may not hold at the next listing, although its etag is the same."""


def usable_images(objects: Sequence[Found], report: ImageReport) -> list[Found]:
    """Return the objects whose names end as those of images; the report counts the others.

    A name becomes the name of an image and, in exports, the path of a file: one that is no plain path is refused.
    """
    images = [one for one in objects if PurePosixPath(one.name).suffix.lower() in IMAGE_ENDINGS]
    if len(objects) > len(images):
        report.ignored["objects that are no images"] = len(objects) - len(images)
    plain = [one for one in images if _is_plain(one.name)]
    report.refused += [
        (repr(one.name), "has a name that is no plain path") for one in images if not _is_plain(one.name)
    ]
    return plain


def new_objects(
    project: ProjectFolder, stores: RemoteStores, source: str, batch: Sequence[Found], report: ImageReport
) -> list[Found]:
    """Return the objects that were not imported yet; the report counts the others, and refuses those that have changed since.

    Args:
        project: the project.
        stores: its stores.
        source: the address that is imported.
        batch: the objects.
        report: is filled.
    """
    query = select(Image.original_path, Image.sha256, Image.extension)
    query = query.where(Image.source == source, Image.original_path.in_([one.name for one in batch]))
    with project.database.read() as session:
        images = {path: (sha256, extension) for path, sha256, extension in session.execute(query)}
    imported = [one for one in batch if one.name in images]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = threads.map(lambda one: stores.images.link_of(*images[one.name]), imported)
        links = dict(zip(imported, found, strict=True))
    new = []
    for one in batch:
        link = links.get(one)
        if link is None or link.url != one.url:
            new.append(one)
        elif link == one:
            report.already += 1
        else:
            report.refused.append((one.name, CHANGED))
    return new


def lost_objects(project: ProjectFolder, source: str, objects: Sequence[Found]) -> list[str]:
    """Return the names of the objects whose images were imported from an address, and which a whole listing of it does not have."""
    names = {one.name for one in objects}
    query = select(Image.original_path).where(Image.source == source).order_by(Image.id)
    with project.database.read() as session:
        paths = session.scalars(query.execution_options(yield_per=_PAGE))
        return [path for path in paths if path not in names]


def _is_plain(name: str) -> bool:
    return name.isprintable() and "\\" not in name and not {"", ".", ".."} & set(name.split("/"))
