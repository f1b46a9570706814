"""Who gets which image that wants an opinion: those who are good at the uncertain attribute come first.

The list stays in the order of waiting, but an image is put back by `DEFERRAL` places for every colleague who is at work, has
not answered it, and answers its uncertain attribute better. The places in front of it run out, so nobody and no image waits for
ever, and who works alone gets everything at once. Labellers see nothing of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed
from annotator.domain.states import INDEPENDENT
from annotator.models import Annotation, Labeller, OpinionWanted, Submission, now
from annotator.services.tasks.labellers import kept_models

CHOICE = 64
"""Images at the head of the list among which is chosen."""
DEFERRAL = 16
"""Places by which a better colleague puts an image back."""
MARGIN = 0.02
"""A colleague is better by at least so much balanced accuracy; less is chance."""
AT_WORK = timedelta(minutes=15)
"""Who answered within this time is at work."""


def by_skill(session: Session, labeller_id: int, images: Sequence[int]) -> list[int]:
    """Order images that want an opinion of a labeller.

    Args:
        session: a session.
        labeller_id: the labeller.
        images: their ids, longest waiting first.
    """
    if not images or not (models := kept_models(session)):
        return list(images)
    colleagues = _at_work(session, labeller_id)
    attributes = _attributes(session, images)
    if not colleagues or not attributes:
        return list(images)
    better: dict[int, set[int]] = {
        number: {
            person
            for person in colleagues
            if models[number].accuracy(person) > models[number].accuracy(labeller_id) + MARGIN
        }
        for number in set(attributes.values())
        if number in models
    }
    answered = _answered(session, images)
    place = {
        image: position + DEFERRAL * len(better.get(attributes.get(image, 0), set()) - answered[image])
        for position, image in enumerate(images)
    }
    return sorted(images, key=place.__getitem__)


def _at_work(session: Session, labeller_id: int) -> set[int]:
    """The other labellers who have answered lately."""
    chosen = {"labeller_id": labeller_id, "since": now() - AT_WORK}
    return set(session.connection().scalars(_AT_WORK, chosen))


def _attributes(session: Session, images: Sequence[int]) -> dict[int, int]:
    """Image id → the least certain attribute, where one is known."""
    rows = session.connection().execute(_UNCERTAIN, {"image_ids": list(images)})
    return {image: attribute for image, attribute in rows if attribute is not None}


def _answered(session: Session, images: Sequence[int]) -> dict[int, set[int]]:
    """Image id → who answered it."""
    people: dict[int, set[int]] = defaultdict(set)
    for image, person in session.connection().execute(_ANSWERED, {"image_ids": list(images)}):
        people[image].add(person)
    return people


_AT_WORK = select(Labeller.id).where(
    Labeller.id != bindparam("labeller_id"),
    Labeller.active,
    select(Submission.created_at)
    .where(Submission.labeller_id == Labeller.id)
    .order_by(Submission.id.desc())
    .limit(1)
    .scalar_subquery()
    > bindparam("since"),
)
_UNCERTAIN = select(OpinionWanted.image_id, OpinionWanted.attribute_id).where(
    is_listed(OpinionWanted.image_id, "image_ids"),
    OpinionWanted.attribute_id.is_not(None),
)
_ANSWERED = (
    select(Annotation.image_id, Submission.labeller_id)
    .join(Submission, Submission.id == Annotation.submission_id)
    .where(is_listed(Annotation.image_id, "image_ids"), Submission.kind.in_(INDEPENDENT))
    .distinct()
)
