"""Overlap: several people answer a share of the images, so that their agreement can be measured.

Images with the smallest fixed random numbers overlap. The first answer is the label; further answers are opinions. The table
`opinions_wanted` lists the images that too few people have answered, and those with a suspicious label (relabeling.py). Every
answer updates it, so that no request searches all images. An image leaves it early when its answers are certain
(certainty.py), and comes back if new estimates of the labellers say otherwise (`LabellerEstimates`).
"""

from __future__ import annotations

import time
from collections.abc import Collection

from sqlalchemy import Select, bindparam, delete, distinct, exists, func, insert, select, update
from sqlalchemy.orm import Session

from annotator.domain.states import INDEPENDENT
from annotator.models import Annotation, Image, OpinionWanted, Submission
from annotator.project import ProjectFolder
from annotator.services.common.cached_stats import PAUSE_FACTOR
from annotator.services.common.counted import COUNTED
from annotator.services.common.undone import is_undone
from annotator.services.project_settings import project_settings
from annotator.services.tasks.assigned import EVERYTHING, Reach
from annotator.services.tasks.certainty import FEWEST, uncertain_attributes
from annotator.services.tasks.cursor import first_unanswered, reset_cursors
from annotator.services.tasks.labellers import Models, kept_models, renew_models
from annotator.services.tasks.relabeling import asked_again_among, images_awaiting_relabel
from annotator.services.tasks.routing import CHOICE, by_skill
from annotator.services.tasks.settings import TeamSettings, team_settings

_BATCH = 500
"""Images of one query."""


def images_wanting_opinions(
    session: Session, labeller_id: int, count: int, reach: Reach = EVERYTHING
) -> list[int]:
    """Find up to `count` images, by id, that want an opinion and that this labeller has not answered.

    The longest waiting come first, but those whose uncertain attribute somebody else at work answers better come later
    (routing.py).
    """
    waiting = first_unanswered(session, OpinionWanted, labeller_id, max(count, CHOICE), reach)
    return by_skill(session, labeller_id, waiting)[:count]


def update_wanted_opinions(session: Session, image_ids: Collection[int]) -> None:
    """Update the list after the answers of some images have changed."""
    if not image_ids:
        return
    settings = team_settings(session)
    has_asked_again = project_settings(session).has_asked_again
    chosen = asked_again_among(session, image_ids) if has_asked_again else set[int]()
    if settings.overlap_end:
        overlapped = select(Image.id).where(Image.id.in_(image_ids), Image.shuffle < settings.overlap_end)
        chosen |= set(session.scalars(overlapped))
    if chosen:
        list_wanted_opinions(session, settings, chosen)


def rebuild_wanted_opinions(session: Session) -> None:
    """Build the list again from all images, after a change of the settings."""
    list_wanted_opinions(session, team_settings(session), None)
    reset_cursors(session)


def list_wanted_opinions(session: Session, settings: TeamSettings, image_ids: Collection[int] | None) -> None:
    """Put those of some images (None: of all images) that lack an opinion at the end of the list."""
    listed = delete(OpinionWanted)
    if image_ids is not None:
        listed = listed.where(OpinionWanted.image_id.in_(image_ids))
    session.execute(listed)
    if settings.relabel_share:
        columns = ["image_id", "suspected"]
        session.execute(insert(OpinionWanted).from_select(columns, images_awaiting_relabel(image_ids)))
    if settings.overlap_end:
        models = kept_models(session)
        if models:
            _list_uncertain(session, settings, models, image_ids)
        else:
            overlapped = _overlapped(settings, image_ids).with_only_columns(Annotation.image_id)
            session.execute(insert(OpinionWanted).from_select(["image_id"], overlapped))


def _list_uncertain(
    session: Session, settings: TeamSettings, models: Models, image_ids: Collection[int] | None
) -> None:
    """List the images that too few people have answered and that are not certain, each with its least certain attribute."""
    wanted = _uncertain(session, settings, models, image_ids)
    rows = [{"image_id": image, "attribute_id": attribute} for image, attribute in wanted.items()]
    if rows:
        session.execute(insert(OpinionWanted), rows)


def _uncertain(
    session: Session, settings: TeamSettings, models: Models, image_ids: Collection[int] | None
) -> dict[int, int | None]:
    """Image id → least certain attribute, of the overlapped images to list, longest waiting first."""
    people = dict(session.execute(_overlapped(settings, image_ids)).all())
    uncertain = uncertain_attributes(session, models, settings.overlap_confidence, people.keys())
    return {
        image: uncertain.get(image)
        for image, number in people.items()
        if number < FEWEST or image in uncertain or settings.overlap_confidence == 1
    }


class LabellerEstimates:
    """Keeps the models of the labellers up to date, and then the list of images that want an opinion.

    Args:
        project: the project.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._pause_until = 0.0

    def run_step(self) -> None:
        """Estimate the models again if they are out of date and several people answer images."""
        if time.monotonic() < self._pause_until:
            return
        started = time.monotonic()
        with self._project.database.read() as session:
            overlaps = team_settings(session).overlap_end > 0
        if overlaps and renew_models(self._project):
            follow_models(self._project)
        finished = time.monotonic()
        self._pause_until = finished + PAUSE_FACTOR * (finished - started)


def follow_models(project: ProjectFolder) -> None:
    """Add to the list the images that are uncertain by new models, and drop those that are certain."""
    with project.database.read() as session:
        settings, models = team_settings(session), kept_models(session)
        if not (settings.overlap_end and models):
            return
        wanted = _uncertain(session, settings, models, None)
        listed_now = select(OpinionWanted.image_id, OpinionWanted.attribute_id).where(
            ~OpinionWanted.suspected
        )
        listed = dict(session.execute(listed_now).all())
    moved = list(wanted.keys() ^ listed.keys())
    named = [
        {"image": image, "attribute": attribute}
        for image, attribute in wanted.items()
        if image in listed and listed[image] != attribute
    ]
    with project.database.write() as session:
        if named:
            session.connection().execute(_NAME_ATTRIBUTE, named)
        for start in range(0, len(moved), _BATCH):
            # Decided anew, because somebody may have answered meanwhile.
            list_wanted_opinions(session, settings, moved[start : start + _BATCH])


def _overlapped(settings: TeamSettings, image_ids: Collection[int] | None) -> Select[int, int]:
    """Select the overlapped images that fewer people than may have answered, and their number."""
    people = func.count(distinct(Submission.labeller_id))
    query = (
        select(Annotation.image_id, people)
        .join(Submission, Submission.id == Annotation.submission_id)
        .join(Image, Image.id == Annotation.image_id)
        .where(
            Submission.kind.in_(INDEPENDENT),
            ~is_undone(),
            Image.open_cells == 0,
            COUNTED,
            Image.shuffle < settings.overlap_end,
            ~exists().where(OpinionWanted.image_id == Annotation.image_id, OpinionWanted.suspected),
        )
        .group_by(Annotation.image_id)
        .having(people < settings.overlap_opinions)
        .order_by(func.max(Annotation.id))
    )
    return query if image_ids is None else query.where(Annotation.image_id.in_(image_ids))


_NAME_ATTRIBUTE = (
    update(OpinionWanted)
    .where(OpinionWanted.image_id == bindparam("image"), ~OpinionWanted.suspected)
    .values(attribute_id=bindparam("attribute"))
)
