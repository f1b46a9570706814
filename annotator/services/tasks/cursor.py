"""A cursor per labeller into the lists of images that everybody shall answer.

A list only grows at its end, and an image that a labeller answered or skipped stays so. The cursor therefore remembers the
place up to which nothing is left, and a request does not walk the list from its start. Cursors live in the memory of each
process; after its start each list is walked once. When answers are undone, the project gets another version of its lists: the
cursors of all processes belong to a version.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from annotator.domain.states import SubmissionKind
from annotator.models import (
    Annotation,
    Gold,
    Image,
    OpinionWanted,
    Qualification,
    QualificationImage,
    Skip,
    Submission,
    now,
)
from annotator.project_cache import CacheKind, project_cache
from annotator.services.common.counted import COUNTED
from annotator.services.common.undone import is_undone
from annotator.services.project_settings import change_project_settings, new_version, project_settings
from annotator.services.tasks.assigned import EVERYTHING, Reach
from annotator.services.tasks.leases import NOT_LEASED
from annotator.services.tasks.settings import team_settings

GOLD_DELAY = timedelta(hours=1)
"""How long after an image was made gold those who decided it are asked, so that they do not just remember."""
_WINDOW = 256
_NO_ANSWER = (
    SubmissionKind.UNDO,
    SubmissionKind.TAKE_BACK,
    SubmissionKind.CLEAR,
    SubmissionKind.PEOPLE,
    SubmissionKind.MERGE,
    SubmissionKind.SPLIT,
    SubmissionKind.SCHEMA,
)
"""Submissions after which the image still wants this labeller's answer: they say nothing, or only who is in it."""
_NO_GOLD_ANSWER = (*_NO_ANSWER, SubmissionKind.REVIEW, SubmissionKind.SWEEP)
"""The same for gold images. Who decided or corrected one is asked too: a decision in sight of all answers does not measure its
author. Who answered one attribute in a sweep, before the image was gold, is asked the others."""
_CURSORS = CacheKind[tuple[str, int, Reach, int], int](size=10_000)
"""By list, labeller, their reach and the version of the lists: the number up to which everything is answered or skipped."""


def first_unanswered(
    session: Session,
    table: type[OpinionWanted | Gold],
    labeller_id: int,
    count: int,
    reach: Reach = EVERYTHING,
) -> list[int]:
    """Find images of a list that the labeller has not answered or skipped and that nobody holds.

    Args:
        session: a session.
        table: the list.
        labeller_id: the labeller.
        count: how many image ids are wanted at most.
        reach: which images are for them; gold images are for everybody.
    """
    version = project_settings(session).lists_version
    cache, key = project_cache(session), (table.__tablename__, labeller_id, reach, version)
    theirs = exists().where(
        Annotation.image_id == table.image_id,
        Submission.id == Annotation.submission_id,
        Submission.labeller_id == labeller_id,
        ~is_undone(),
    )
    answered = theirs.where(Submission.kind.not_in(_NO_GOLD_ANSWER if table is Gold else _NO_ANSWER))
    skipped = exists().where(Skip.image_id == table.image_id, Skip.labeller_id == labeller_id)
    passable = or_(answered, skipped)
    if table is OpinionWanted:  # open images are in the queue anyway
        passable = or_(passable, Image.open_cells > 0)
        if reach.is_limited:
            passable = or_(passable, ~reach.allows_opinion(team_settings(session).overlap_opinions))
    free = and_(Image.open_cells == 0, COUNTED, NOT_LEASED)
    if table is Gold:
        passable = or_(passable, _shown_in_qualification(labeller_id))
        reviewed = theirs.where(Submission.kind == SubmissionKind.REVIEW)
        free = and_(free, or_(~reviewed, Gold.created_at <= now() - GOLD_DELAY))
    columns = select(table.id, Image.id, passable, free).join(Image, Image.id == table.image_id)
    if table is OpinionWanted:  # suspicious labels are drawn by relabeling.py
        columns = columns.where(~OpinionWanted.suspected)
    images: list[int] = []
    place, contiguous = cache.get(_CURSORS, key) or 0, True
    while len(images) < count:
        rows = session.execute(columns.where(table.id > place).order_by(table.id).limit(_WINDOW)).all()
        for number, image, is_passed, is_free in rows:
            place = number
            contiguous = contiguous and bool(is_passed)
            if contiguous:
                cache.put(_CURSORS, key, number)
            elif not is_passed and is_free:
                images.append(image)
        if len(rows) < _WINDOW:
            break
    return images[:count]


def _shown_in_qualification(labeller_id: int) -> ColumnElement[bool]:
    """Whether the labeller has seen the known answers of a gold image, which is then never asked blind."""
    return exists().where(
        QualificationImage.image_id == Image.id,
        QualificationImage.answered_at.is_not(None),
        Qualification.id == QualificationImage.qualification_id,
        Qualification.labeller_id == labeller_id,
    )


def reset_cursors(session: Session) -> None:
    """Let every process walk all lists from their start the next time: answers were undone, or a list was rebuilt."""
    change_project_settings(session, lists_version=new_version())
