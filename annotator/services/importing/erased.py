"""Images and photos that were erased for good: an import leaves them out, unless the user asks for their return."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.files import shard_path
from annotator.imaging.head_crops import CutPhoto
from annotator.imaging.image_store import StoredImage
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.common.tombstones import erased_hashes, lift_tombstones
from annotator.services.importing.image_rows import DecodedFile
from annotator.services.importing.reports import ImageReport
from annotator.services.importing.source_files import SourceFile

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
                self._remove(image)
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

    def _remove(self, image: StoredImage) -> None:
        for temporary, path in image.pending:
            Path(temporary).unlink(missing_ok=True)
            Path(path).unlink(missing_ok=True)
        shard_path(self._project.views, image.sha256, "jpg").unlink(missing_ok=True)

    def _remove_cuts(self, session: Session, photo: CutPhoto, gone: set[str]) -> None:
        used = set(session.scalars(select(Image.sha256).where(Image.sha256.in_(gone))))
        for sha256 in gone - used:
            for root in (self._project.images, self._project.views):
                shard_path(root, sha256, "jpg").unlink(missing_ok=True)
        in_use = select(Image.id).where(Image.photo_sha256 == photo.sha256).limit(1)
        is_needed = len(gone) < len(photo.cuts) or session.scalar(in_use) is not None
        if gone and not is_needed:
            for path in (self._project.photos / photo.sha256[:2]).glob(f"{photo.sha256}.*"):
                path.unlink(missing_ok=True)
