"""Importing photos as head crops: each face becomes an image, and the photo is kept as it came.

Before that, a look at some photos tells whether it is worth it.
"""

from __future__ import annotations

from contextlib import closing, suppress
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.grouping.splits import own_group, photo_group
from annotator.errors import FacelabelError
from annotator.imaging.head_crops import Cut, CutPhoto, cut_photo
from annotator.imaging.image_files import Limits
from annotator.imaging.photo_survey import PhotoFaces, survey_photo
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.common.progress import recount
from annotator.services.faces.detection import write_faces
from annotator.services.grouping.membership import choose_test_share, split_rule
from annotator.services.importing.image_rows import DecodedFile, ErasedFilter, record_images
from annotator.services.importing.images import Progress, decode_files
from annotator.services.importing.read import ReadSource
from annotator.services.importing.reports import HeadSurvey, ImageReport
from annotator.services.importing.source_files import SourceFile

MOST_PHOTOS = 48
"""Photos that are looked at: a few seconds, and a share is known within some 14 percentage points."""

_BATCH = 64


def survey_heads(
    project: ProjectFolder, read: ReadSource, limits: Limits, progress: Progress
) -> HeadSurvey | None:
    """Look at photos that are spread evenly over a source; None if it holds more than photos, or none.

    Labels and faces of a source belong to its photos as a whole, so that nothing is cut out of them.
    """
    if not read.files or read.has_labels or any(file.faces for file in read.files):
        return None
    every = -(-len(read.files) // MOST_PHOTOS)
    seen: list[PhotoFaces] = []
    decoded = decode_files(
        partial(survey_photo, limits),
        read.files[::every],
        progress,
        limits=limits,
        refused=lambda _: None,
        at_once=1,
    )
    with (
        closing(decoded) as photos,
        suppress(FacelabelError),
    ):  # too many decoders were killed; the import says so
        seen += (photo for _, photo in photos if photo is not None)
    hashes = [photo.sha256 for photo in seen]
    with project.database.read() as session:
        count = select(func.count()).select_from(Image)
        whole = session.scalar(count.where(Image.sha256.in_(hashes))) or 0
        cut = session.scalar(count.where(Image.photo_sha256.in_(hashes))) or 0
    return HeadSurvey(
        photos=len(read.files),
        looked_at=len(seen),
        crowded=sum(photo.crowded for photo in seen),
        cut_before=cut > 0 if cut or whole else None,
    )


def import_head_crops(
    project: ProjectFolder,
    files: list[SourceFile],
    limits: Limits,
    report: ImageReport,
    progress: Progress = lambda *_: None,
    *,
    restore: bool = False,
) -> None:
    """Cut photos into heads and record the crops as images; those that were erased for good only if `restore`.

    The same photo gives the same crops, and whole batches are recorded at once, so that running an import that was
    killed again completes it. A photo without a face becomes one image, with face_count 0.

    Raises:
        FacelabelError: if many files cannot be decoded in time, or the disk is full; recorded batches are kept.
    """
    stores = project.stores
    places = stores.photos.staging, stores.images.staging, stores.views.staging
    cut = partial(cut_photo, *places, limits)
    erased = ErasedFilter(project, report, restore=restore)
    with closing(decode_files(cut, files, progress, limits=limits, refused=str)) as photos:
        while batch := list(islice(photos, _BATCH)):
            whole = [photo for _, photo in batch if isinstance(photo, CutPhoto)]
            stores.finish(
                (cut.stored.staged for photo in whole for cut in photo.cuts),
                ((photo.sha256, photo.extension) for photo in whole),
            )
            with project.database.write() as session:
                _record_photos(session, erased.rest_of_photos(session, batch), report)
    with project.database.write() as session:
        choose_test_share(session)
        recount(session)


def _record_photos(
    session: Session, batch: list[tuple[SourceFile, CutPhoto | str]], report: ImageReport
) -> None:
    images: list[DecodedFile] = []
    cuts: dict[str, tuple[str, Cut]] = {}
    for file, photo in batch:
        if isinstance(photo, str):
            images.append((file, photo))
            continue
        report.photos += 1
        report.found += len(photo.cuts) - 1  # every head is counted as an image
        if photo.notes:
            report.notes[file.name] = "; ".join(photo.notes)
        for number, cut in enumerate(photo.cuts, start=1):
            images.append((_crop_file(file, photo, number if cut.face else None), cut.stored))
            cuts[cut.stored.sha256] = photo.sha256, cut
    record_images(session, images, report)
    session.flush()
    _join_whole_photos(session, [photo.sha256 for _, photo in batch if isinstance(photo, CutPhoto)])
    for image in session.scalars(
        select(Image).where(Image.sha256.in_(cuts), Image.photo_sha256.is_(None))
    ).all():
        image.photo_sha256, cut = cuts[image.sha256]
        image.crop_box, image.turn = str(cut.box), cut.turn
        write_faces(session, image.id, [cut.face] if cut.face else [])


def _join_whole_photos(session: Session, hashes: list[str]) -> None:
    """Put photos that were imported whole before into the group of their crops, so that no split parts them."""
    rule = split_rule(session)
    whole = select(Image).where(Image.sha256.in_(hashes), Image.given_group.is_(None))
    for image in session.scalars(whole).all():
        image.given_group = photo_group(image.sha256)
        if image.group == own_group(image.sha256):
            image.group, image.split = image.given_group, rule.split_of(image.given_group)


def _crop_file(file: SourceFile, photo: CutPhoto, number: int | None) -> SourceFile:
    """The file of one face of a photo, `party/7.png` → `party/7~face1.jpg`; without a number, of the whole photo."""
    name = PurePosixPath(file.name)
    ending = f"~face{number}.jpg" if number else ".jpg"
    return SourceFile(
        file.path,
        str(name.with_name(name.stem + ending)),
        file.source_name,
        group=file.group or photo_group(photo.sha256),
        original_path=file.original_path or file.name,
    )
