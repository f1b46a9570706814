"""Recording decoded image files in the database: the one place where every file is counted.

Files of images that were erased for good are left out before, unless the user asks for their return.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from annotator.domain.grouping.splits import own_group
from annotator.imaging.head_crops import CutPhoto
from annotator.imaging.image_store import StoredImage
from annotator.models import Image, ImageAlias, now
from annotator.project import ProjectFolder
from annotator.services.common.tombstones import erased_hashes, lift_tombstones, next_image_id
from annotator.services.faces.detection import keep_source_faces
from annotator.services.grouping.membership import split_rule
from annotator.services.importing.image_paths import known_paths
from annotator.services.importing.reports import ImageReport
from annotator.services.importing.source_files import SourceFile
from annotator.services.schema.active import active_schema
from annotator.services.tasks.assigned import ShareRule

DecodedFile = tuple[SourceFile, StoredImage | str]
"""A file and its stored image, or the reason why it is refused."""


def record_images(session: Session, batch: list[DecodedFile], report: ImageReport) -> None:
    """Record a batch of decoded files: new images, and other names of images that the project has.

    Every file of the batch is counted once in the report: as imported, already here, duplicate or refused.
    """
    report.refused += [(file.name, result) for file, result in batch if isinstance(result, str)]
    stored = [(file, result) for file, result in batch if isinstance(result, StoredImage)]
    report.hashes |= {file.name: image.sha256 for file, image in stored}
    report.notes |= {file.name: "; ".join(image.header.notes) for file, image in stored if image.header.notes}
    recorder = _Recorder(session, stored, report)
    for file, image in stored:
        recorder.record(file, image)
    recorder.insert_new()
    faces = {image.sha256: file.faces for file, image in stored if file.faces}
    if faces:
        session.flush()
        kept, misfits = keep_source_faces(session, faces)
        report.faces += kept
        report.misfits += misfits


class _Recorder:
    """Records the files of one batch, one after the other.

    New rows are collected and inserted together: an ORM object for each would cost more than the rest of the batch.
    """

    def __init__(
        self, session: Session, stored: list[tuple[SourceFile, StoredImage]], report: ImageReport
    ) -> None:
        self._session, self._report = session, report
        self._rule, self._required = split_rule(session), len(active_schema(session).required)
        self._shares = ShareRule(session)
        self._by_hash = self._images([image.sha256 for _, image in stored])
        names = [file.name for file, _ in stored]
        paths = [_path_of(file) for file, _ in stored]
        self._taken = set(session.scalars(select(Image.name).where(Image.name.in_(names))))
        aliases = select(ImageAlias.name, ImageAlias.image_id).where(ImageAlias.name.in_({*names, *paths}))
        self._aliases = dict(session.execute(aliases).all())
        self._new: dict[str, dict[str, Any]] = {}

    def record(self, file: SourceFile, image: StoredImage) -> None:
        """Record a file as a new image, or as a name of the image with the same bytes."""
        if image.sha256 in self._new:  # the same bytes twice in one batch
            hashes = list(self._new)
            self.insert_new()
            self._by_hash |= self._images(hashes)
        existing = self._by_hash.get(image.sha256)
        if existing is None:
            self._add_image(file, image)
        else:
            self._add_name(file, image, existing)

    def insert_new(self) -> None:
        """Insert the collected rows and forget them."""
        if self._new:
            first = next_image_id(self._session)
            for number, row in enumerate(self._new.values(), first):
                row["id"] = number
            self._session.connection().execute(insert(Image), list(self._new.values()))
            self._new.clear()

    def _add_image(self, file: SourceFile, image: StoredImage) -> None:
        is_free = file.name not in self._taken and file.name not in self._aliases
        name = file.name if is_free else _other_name(file.name, image)
        if not is_free:
            self._report.renamed.append((f"{file.source_name}/{file.name}", name))
        self._new[image.sha256] = self._row(file, name, image)
        self._taken.add(name)
        self._report.imported += 1

    def _add_name(self, file: SourceFile, image: StoredImage, existing: Image) -> None:
        if file.group and existing.given_group is None:
            existing.given_group = file.group
            if existing.group == own_group(existing.sha256):
                existing.group, existing.split = file.group, self._rule.split_of(file.group)
        if existing.exclusion_id is not None:
            self._report.excluded.append((file.name, existing.name))
        is_its_name = existing.name in {file.name, _other_name(file.name, image)}
        is_known = is_its_name or self._aliases.get(file.name) == existing.id
        is_known = is_known or self._aliases.get(_path_of(file)) == existing.id
        if is_known:
            self._report.already += 1
        else:
            self._report.duplicates.append((file.name, existing.name))
        if not is_its_name and file.name not in self._taken:
            self._add_alias(file.name, existing)
        if _path_of(file) not in known_paths(existing.source, existing.name, existing.original_path):
            self._add_alias(_path_of(file), existing)

    def _add_alias(self, name: str, image: Image) -> None:
        """Record another name of an image, with which label files may name it; the first image keeps a name."""
        if name not in self._aliases:
            self._session.add(ImageAlias(name=name, image_id=image.id))
            self._aliases[name] = image.id

    def _row(self, file: SourceFile, name: str, image: StoredImage) -> dict[str, Any]:
        group = file.group or own_group(image.sha256)
        shuffle = hashlib.sha256(f"{self._rule.seed}:order:{image.sha256}".encode()).digest()[:7]
        return {
            "name": name,
            "sha256": image.sha256,
            "extension": image.header.extension,
            "width": image.header.width,
            "height": image.header.height,
            "source": file.source_name,
            "original_path": file.original_path or file.name,
            "given_group": file.group or None,
            "group_key": group,
            "split": self._rule.split_of(group),
            "shuffle": int.from_bytes(shuffle, "big"),
            "open_cells": self._required,
            "pool_id": self._shares.pool_of(group),
            "created_at": now(),
        }

    def _images(self, hashes: list[str]) -> dict[str, Image]:
        images = self._session.scalars(select(Image).where(Image.sha256.in_(hashes)))
        return {image.sha256: image for image in images}


def _path_of(file: SourceFile) -> str:
    """The path of a file with its source's folder, by which label files may name it."""
    return known_paths(file.source_name, file.name, file.original_path or file.name)[0]


def _other_name(name: str, image: StoredImage) -> str:
    """The name of an image whose own name another image has: `7.png` → `7~1a2b3c4d.png`."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}~{image.sha256[:8]}{path.suffix}"))


ERASED = "files of erased images"
"""How reports count them; they name none."""


class ErasedFilter:
    """Leaves erased images out of batches of decoded files, and removes what was already stored of them.

    Args:
        project: the project.
        report: counts the files that are left out.
        restore: import them instead; their tombstones are lifted.
    """

    def __init__(self, project: ProjectFolder, report: ImageReport, *, restore: bool) -> None:
        self._project, self._report, self._restore = project, report, restore

    def rest_of(self, session: Session, batch: list[DecodedFile], *, final: bool) -> list[DecodedFile]:
        """Return a batch without erased images.

        Args:
            session: a session; a writing one if `final`.
            batch: the files.
            final: the images are about to be recorded.
        """
        hashes = {image.sha256 for _, image in batch if isinstance(image, StoredImage)}
        erased = self._erased(session, hashes, final=final)
        rest: list[DecodedFile] = []
        for file, image in batch:
            if isinstance(image, StoredImage) and image.sha256 in erased:
                self._count()
                self._project.stores.discard(image.staged)
            else:
                rest.append((file, image))
        return rest

    def rest_of_photos(
        self, session: Session, batch: list[tuple[SourceFile, CutPhoto | str]]
    ) -> list[tuple[SourceFile, CutPhoto | str]]:
        """Return a batch of photos without erased photos and without the erased images among those cut from them."""
        photos = [photo for _, photo in batch if isinstance(photo, CutPhoto)]
        hashes = {photo.sha256 for photo in photos} | {c.stored.sha256 for p in photos for c in p.cuts}
        erased = self._erased(session, hashes, final=True)
        rest: list[tuple[SourceFile, CutPhoto | str]] = []
        for file, photo in batch:
            if isinstance(photo, CutPhoto) and erased:
                gone = {cut.stored.sha256 for cut in photo.cuts if {cut.stored.sha256, photo.sha256} & erased}
                cuts = [cut for cut in photo.cuts if cut.stored.sha256 not in gone]
                self._remove_cuts(session, photo, gone)
                if gone and not cuts:
                    self._count()
                    continue
                rest.append((file, replace(photo, cuts=cuts)))
            else:
                rest.append((file, photo))
        return rest

    def _erased(self, session: Session, hashes: set[str], *, final: bool) -> set[str]:
        erased = erased_hashes(session, hashes)
        if erased and self._restore:
            if final:
                lift_tombstones(session, erased)
            return set()
        return erased

    def _count(self) -> None:
        self._report.ignored[ERASED] = self._report.ignored.get(ERASED, 0) + 1

    def _remove_cuts(self, session: Session, photo: CutPhoto, gone: set[str]) -> None:
        used = set(session.scalars(select(Image.sha256).where(Image.sha256.in_(gone))))
        for sha256 in gone - used:
            for store in (self._project.stores.images, self._project.stores.views):
                store.delete(sha256)
        in_use = select(Image.id).where(Image.photo_sha256 == photo.sha256).limit(1)
        is_needed = len(gone) < len(photo.cuts) or session.scalar(in_use) is not None
        if gone and not is_needed:
            self._project.stores.photos.delete(photo.sha256)
