"""The order of work: which images a labeller gets next.

With predictions the order is theirs, most uncertain first. Images that the predictions do not contain come in a random but
fixed order, and so do all images as long as there are no predictions. Nobody is given an image that somebody else holds.
Images that are done and want a further answer (overlapped, gold, asked again) are mixed in at random places.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Literal

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, select, update
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Image, Label, Lease, Predictions, Skip, now
from annotator.project import ProjectFolder
from annotator.project_cache import CacheKind, project_cache
from annotator.services.common.counted import COUNTED
from annotator.services.common.filled import is_covered
from annotator.services.predictions.active import ActivePredictions, active_predictions
from annotator.services.project_settings import project_settings
from annotator.services.schema.active import active_schema, unknown_attribute
from annotator.services.tasks.assigned import EVERYTHING, Reach, in_queue_order, read_reach
from annotator.services.tasks.leases import NOT_LEASED
from annotator.services.tasks.sampling import images_to_mix_in, insert_randomly, remaining_opinions
from annotator.services.tasks.skipped import skipped_images
from annotator.services.tasks.task import Task, lease_tasks, read_tasks

Skipped = Literal["never", "last", "only"]

_WINDOW = 64
"""Places of the order of work that one query looks at."""
_WINDOWS = CacheKind[tuple[Path, int], list[str]](size=64)
"""Windows of the order of work, by the folder of the predictions and the place."""
_MOST_WINDOWS = 32
"""Windows that a request looks at for somebody who gets only some of the images. Beyond them it takes the random order, which
has an index for these images; the next request looks further."""
_PLACES = CacheKind[tuple[int, int, Reach], int](size=1000)
"""By predictions, labeller and their reach: the place of the order of work before which nothing is left for them."""


def next_tasks(
    project: ProjectFolder,
    session: Session,
    labeller_id: int,
    *,
    count: int,
    lease_seconds: int,
    attribute: str | None = None,
    skipped: Skipped = "never",
) -> list[Task]:
    """Lease up to `count` images that nobody holds, most uncertain first.

    Args:
        project: the project.
        session: a writing session.
        labeller_id: who gets them.
        count: how many at most.
        lease_seconds: for how long.
        attribute: only images without an answer to this attribute.
        skipped: when images that this labeller skipped come: `never`; `last`: those that were skipped only once, if there is
            nothing else; `only`: all of them, and nothing else.

    Raises:
        FacelabelError: if the schema has no such attribute.
    """
    active = active_schema(session)
    if attribute is not None and attribute not in active.ids:
        raise unknown_attribute(active.schema, attribute)
    if count == 0:
        return []
    predictions = active_predictions(project, session, active.hash)
    if skipped == "only":
        images = skipped_images(session, labeller_id, count)
        return lease_tasks(session, images, labeller_id, lease_seconds, active, predictions, withholding=True)
    attribute_id = active.ids[attribute] if attribute else None
    reach = read_reach(session, labeller_id)
    mixed_in = images_to_mix_in(session, labeller_id, reach, count) if attribute is None else []
    drawn = _ordinary(session, predictions, labeller_id, attribute_id, reach, count, mixed_in)
    missing = count - len(drawn) - len(mixed_in)
    if attribute is None and missing > 0:
        mixed_in += remaining_opinions(session, labeller_id, reach, missing, [*mixed_in, *drawn])
    images = insert_randomly(list(drawn), mixed_in)
    if not images and skipped == "last" and attribute is None:
        images = skipped_images(session, labeller_id, count, once=True)
    return lease_tasks(
        session, images, labeller_id, lease_seconds, active, predictions, drawn, withholding=True
    )


def _ordinary(
    session: Session,
    predictions: ActivePredictions | None,
    labeller_id: int,
    attribute_id: int | None,
    reach: Reach,
    count: int,
    mixed_in: Collection[int],
) -> dict[int, float | None]:
    """The first free images in the order of work, besides those mixed in: image id → how it was drawn (`Lease.drawn`)."""
    drawn: dict[int, float | None] = {}
    if predictions is not None and count > 0:
        drawn |= _in_predicted_order(session, predictions, labeller_id, attribute_id, reach, count)
    if len(drawn) < count:
        walk = _in_random_order(labeller_id, attribute_id, reach)
        rest = session.connection().scalars(walk, {"count": count})
        new = [number for number in rest if number not in drawn][: count - len(drawn)]
        # Images that the predictions do not contain, or that are assigned, were not drawn from all images.
        is_any = predictions is None and not reach.is_limited
        settings = project_settings(session)
        drawn |= dict.fromkeys(
            new, 1 / max(1, settings.image_count - settings.done_count) if is_any else None
        )
    # Images of acceptance samples are open, so that they are in the order of work too.
    others = ((number, chance) for number, chance in drawn.items() if number not in mixed_in)
    return dict(islice(others, count - len(mixed_in)))


def lease_again(
    project: ProjectFolder, session: Session, image_id: int, labeller_id: int, lease_seconds: int
) -> Task | None:
    """Lease an image whose answer was undone to its labeller. Returns None if somebody else holds it, or if it is excluded."""
    counts = session.scalar(select(Image.id).where(Image.id == image_id, COUNTED)) is not None
    held = session.get(Lease, image_id)
    if not counts:
        return None
    if held is not None and held.labeller_id != labeller_id and held.expires_at > now():
        return None
    active = active_schema(session)
    predictions = active_predictions(project, session, active.hash)
    return lease_tasks(
        session, [image_id], labeller_id, lease_seconds, active, predictions, withholding=True
    )[0]


def held_tasks(
    project: ProjectFolder, session: Session, labeller_id: int, tokens: Collection[str]
) -> list[Task]:
    """Read the tasks of leases that a labeller holds again, with the suggestions of today. The leases stay as they are."""
    held = select(Lease.image_id, Lease.token, Lease.withheld).where(
        Lease.labeller_id == labeller_id, Lease.token.in_(tokens), Lease.expires_at > now()
    )
    leases = session.execute(held).all()
    active = active_schema(session)
    predictions = active_predictions(project, session, active.hash)
    withheld = {lease.image_id for lease in leases if lease.withheld}
    return read_tasks(
        session, {lease.image_id: lease.token for lease in leases}, active, predictions, withheld
    )


_FREE = and_(Image.open_cells > 0, COUNTED, NOT_LEASED)
"""The condition that an image counts, is open, and nobody holds it."""


def free_for(labeller_id: int, attribute_id: int | None, reach: Reach = EVERYTHING) -> ColumnElement[bool]:
    """The condition that an image is free and for this labeller, who did not skip it, and lacks the attribute (if given)."""
    free = and_(_FREE, ~exists().where(Skip.image_id == Image.id, Skip.labeller_id == labeller_id))
    if reach.is_limited:
        free = and_(free, reach.allows())
    if attribute_id is None:
        return free
    answered = exists().where(Label.image_id == Image.id, Label.attribute_id == attribute_id)
    return and_(free, ~answered, ~is_covered(attribute_id))


def _in_predicted_order(
    session: Session,
    predictions: ActivePredictions,
    labeller_id: int,
    attribute_id: int | None,
    reach: Reach,
    count: int,
) -> dict[int, float | None]:
    in_window, chosen = _in_window(labeller_id, attribute_id, reach), dict[int, str]()
    cache, key = project_cache(session), (predictions.id, labeller_id, reach)
    start = (cache.get(_PLACES, key) or 0) if reach.is_limited else 0
    most = _MOST_WINDOWS if reach.is_limited else None
    for place, names in islice(_windows(session, predictions, start), most):
        by_name = dict(session.connection().execute(in_window, {"names": names}).all())
        chosen |= {by_name[name]: name for name in names if name in by_name}
        if not by_name and place == predictions.cursor:
            _move_cursor(session, predictions, place, names)
        if reach.is_limited and attribute_id is None and not by_name and not chosen:
            cache.put(_PLACES, key, place + len(names))
        if len(chosen) >= count:
            break
    return {number: predictions.file.drawn(name) for number, name in islice(chosen.items(), count)}


@lru_cache(maxsize=256)
def _in_window(labeller_id: int, attribute_id: int | None, reach: Reach) -> Select[str, int]:
    free = free_for(labeller_id, attribute_id, reach)
    return select(Image.name, Image.id).where(free, is_listed(Image.name, "names"))


@lru_cache(maxsize=256)
def _in_random_order(labeller_id: int, attribute_id: int | None, reach: Reach) -> Select[int]:
    free = free_for(labeller_id, attribute_id)
    if reach.is_limited:
        [_, image_id] = (walk := in_queue_order(reach.arms, (free,), bindparam("count"))).selected_columns
        return walk.with_only_columns(image_id)
    return select(Image.id).where(free).order_by(Image.shuffle, Image.id).limit(bindparam("count"))


def _windows(session: Session, predictions: ActivePredictions, start: int) -> Iterator[tuple[int, list[str]]]:
    place = max(predictions.cursor, start)
    while names := _names_at(session, predictions.file, place):
        yield place, names
        place += len(names)


def _names_at(session: Session, file: PredictionsFile, place: int) -> list[str]:
    """A window of the order of work. It is kept, because all labellers look at the same few windows."""
    key = (file.folder, place)
    return project_cache(session).get_or_compute(_WINDOWS, key, lambda: file.order(place, _WINDOW))


def _move_cursor(session: Session, predictions: ActivePredictions, place: int, names: list[str]) -> None:
    """Move the cursor past places where everything is done or held, so that the queue is as fast at its end as at its start.

    An image whose lease then runs out is found again in the random order, and the next round ranks it again.
    """
    waiting = select(Image.id).where(_FREE, Image.name.in_(names)).limit(1)
    if session.scalar(waiting) is None:
        session.execute(
            update(Predictions).where(Predictions.id == predictions.id).values(cursor=place + len(names))
        )
