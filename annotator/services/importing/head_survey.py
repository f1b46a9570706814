"""Whether heads should be cut out of a source's photos: a look at some of them, before any is imported."""

from __future__ import annotations

from contextlib import closing
from functools import partial

from sqlalchemy import func, select

from annotator.imaging.image_files import Limits
from annotator.imaging.photo_survey import survey_photo
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.importing.images import Progress, decode_files
from annotator.services.importing.read import ReadSource
from annotator.services.importing.reports import HeadSurvey

MOST_PHOTOS = 48
"""Photos that are looked at: a few seconds, and a share is known within some 14 percentage points."""


def survey_heads(
    project: ProjectFolder, read: ReadSource, limits: Limits, progress: Progress
) -> HeadSurvey | None:
    """Look at photos that are spread evenly over a source; None if it holds more than photos, or none.

    Labels and faces of a source belong to its photos as a whole, so that nothing is cut out of them.

    Raises:
        FacelabelError: if a decoding process was killed.
    """
    if not read.files or read.has_labels or any(file.faces for file in read.files):
        return None
    every = -(-len(read.files) // MOST_PHOTOS)
    with closing(
        decode_files(partial(survey_photo, limits), read.files[::every], progress, at_once=1)
    ) as photos:
        seen = [photo for _, photo in photos if photo is not None]
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
