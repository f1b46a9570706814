"""Sweeping: one attribute, a page of images that the model thinks alike, one submission for all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import astuple, dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from annotator.errors import FacelabelError, NotFound, WrongUse
from annotator.models import Annotation, Image, Label, Lease, Submission, now
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk_order import (
    Order,
    find_in_queue_order,
    group_sizes,
    look_from_the_head,
    predicted_order,
)
from annotator.services.annotation.log import add_submission, annotate_all, find_submission
from annotator.services.annotation.submit import code_of_answer
from annotator.services.annotation.undo import find_undoable, take_back
from annotator.services.predictions.active import ActivePredictions, active_predictions
from annotator.services.schema.active import ActiveSchema, active_schema, unknown_attribute
from annotator.services.tasks.queue import Task, lease
from annotator.services.tasks.visibility import asked_blind, blind_among


@dataclass(frozen=True)
class Wish:
    """What a labeller wants to sweep.

    Args:
        attribute: the attribute.
        value: the code that the model predicts, or None for all images in the order of the queue.
        order: the most doubtful or the most confident predictions first.
        without: images that the labeller left out before.
    """

    attribute: str
    value: int | None = None
    order: Order = "doubtful"
    without: frozenset[int] = frozenset()


@dataclass(frozen=True)
class SweptCell:
    """An answer to one image of a page. `accepted`: it is the model's suggestion."""

    image_id: int
    lease: str | None
    code: int | None
    accepted: bool = False

    @property
    def origin(self) -> str:
        """Who the answer comes from."""
        return "suggestion" if self.accepted and self.code is not None else "human"


@dataclass(frozen=True)
class SweptPage:
    """A page as it came in. `left_out`: the leases of images that the labeller wants to see singly."""

    key: str
    attribute: str
    cells: tuple[SweptCell, ...]
    left_out: tuple[str, ...] = ()
    milliseconds: int | None = None

    def fingerprint(self) -> str:
        """What a repetition with the same key must agree in."""
        cells = sorted(self.cells, key=lambda cell: cell.image_id)
        body = [self.attribute, [astuple(cell) for cell in cells], sorted(self.left_out)]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()


@dataclass(frozen=True)
class SweepOutcome:
    """What became of a page: the images answered, and those whose answer was kept as an opinion only."""

    key: str
    answered: int
    opinions: list[int]


def groups(project: ProjectFolder, session: Session, wish: Wish) -> dict[int, int]:
    """How many open cells the model gives each value, as of the predictions; empty if it answers none of them."""
    active, predictions = _basis(project, session, wish.attribute)
    if predictions is None:
        return {}
    sizes = group_sizes(session, predictions.file, wish.attribute)
    if wish.value in sizes:
        left = len(predicted_order(session, predictions.file, wish.attribute, wish.value, wish.order))
        sizes[wish.value] = min(sizes[wish.value], left)
    offered = [value.code for value in active.schema[wish.attribute].values if value.status == "active"]
    return {code: sizes[code] for code in offered if code in sizes}


def find_page(
    project: ProjectFolder, session: Session, labeller_id: int, wish: Wish, count: int
) -> list[int]:
    """The ids of the next images of a sweep; none that is labelled blind, none that somebody holds.

    The first call for a value scans the predictions; make it in a session that does not hold the write lock.

    Raises:
        FacelabelError: if the attribute or value does not exist, or cannot be swept.
    """
    active, predictions = _basis(project, session, wish.attribute)
    attribute_id = active.ids[wish.attribute]
    code = code_of_answer(session, active.schema, wish.attribute, wish.value)
    if count == 0:
        return []
    if code is None:
        return find_in_queue_order(session, labeller_id, attribute_id, count, wish.without)
    if predictions is None or code not in predictions.file.codes[wish.attribute]:
        return []
    order = predicted_order(session, predictions.file, wish.attribute, code, wish.order)
    return order.find(session, labeller_id, attribute_id, count, wish.without)


def lease_page(
    project: ProjectFolder, session: Session, labeller_id: int, wish: Wish, *, count: int, lease_seconds: int
) -> list[Task]:
    """Lease the next images of a sweep; as `find_page`."""
    found = find_page(project, session, labeller_id, wish, count)
    active, predictions = _basis(project, session, wish.attribute)
    return lease(session, found, labeller_id, lease_seconds, active, predictions)


def give_up_leases(session: Session, labeller_id: int, tokens: Collection[str]) -> None:
    """Let others have images that the labeller did not answer."""
    if tokens:
        session.execute(delete(Lease).where(Lease.labeller_id == labeller_id, Lease.token.in_(tokens)))


def submit_page(session: Session, labeller_id: int, page: SweptPage) -> SweepOutcome:
    """Keep the answers of a page, all or none. The same key again gives the same outcome and changes nothing.

    An answer to an image that is somebody else's by now, or labelled blind, is kept as an extra opinion.

    Raises:
        Conflict: if the key was used for something else.
        NotFound: if there is no such image.
        FacelabelError: if the attribute or a value is not in the schema, or an image comes twice.
    """
    known = find_submission(session, page.key, page.fingerprint())
    if known is not None:
        return _outcome(session, known)
    active = active_schema(session)
    attribute_id = _sweepable_attribute(active, page.attribute)
    codes = {c.image_id: code_of_answer(session, active.schema, page.attribute, c.code) for c in page.cells}
    images = _images(session, page, codes)
    opinions = _opinions(session, labeller_id, attribute_id, page, images)
    submission_id = add_submission(
        session,
        key=page.key,
        kind="sweep",
        fingerprint=page.fingerprint(),
        labeller_id=labeller_id,
        image_id=None,
        late=bool(opinions),
        milliseconds=page.milliseconds,
    )
    session.execute(delete(Lease).where(Lease.image_id.in_(images.keys() - opinions)))
    give_up_leases(session, labeller_id, page.left_out)
    answers = [
        (
            c.image_id,
            page.attribute,
            codes[c.image_id],
            "opinion" if c.image_id in opinions else c.origin,
        )
        for c in page.cells
    ]
    annotate_all(session, active, submission_id, answers)
    return SweepOutcome(page.key, len(page.cells), sorted(opinions))


def undo_page(
    project: ProjectFolder,
    session: Session,
    labeller_id: int,
    key: str,
    undone_key: str | None,
    *,
    left_out: Collection[int] = (),
    lease_seconds: int,
) -> tuple[Submission, list[Task]]:
    """Take back a page of this labeller, without a key the last one that still counts, and lease its images again.

    Args:
        project: the project.
        session: a writing session.
        labeller_id: who takes back.
        key: the idempotency key of this request.
        undone_key: the key of the page.
        left_out: images that had been left out of the page, to be leased with the others.
        lease_seconds: how long.

    Raises:
        NotFound: if there is nothing to undo.
        Conflict: if it was undone already, or the key was used for something else.
    """
    fingerprint = hashlib.sha256(f"undo-sweep:{undone_key}".encode()).hexdigest()
    known = find_submission(session, key, fingerprint)
    if known is not None:
        target = session.get_one(Submission, known.undoes)
    else:
        target = find_undoable(session, labeller_id, undone_key, kinds=("sweep",))
        take_back(session, target, key, fingerprint)
        look_from_the_head(session)
    swept = session.scalars(select(Annotation.image_id).where(Annotation.submission_id == target.id))
    held = select(Lease.image_id).where(Lease.labeller_id != labeller_id, Lease.expires_at > now())
    query = select(Image.id).where(
        Image.id.in_({*swept, *left_out}),
        Image.id.not_in(held),
        Image.open_cells > 0,
        ~asked_blind(session),
    )
    active = active_schema(session)
    predictions = active_predictions(project, session, active.hash)
    images = list(session.scalars(query.order_by(Image.id)))
    return target, lease(session, images, labeller_id, lease_seconds, active, predictions)


def _basis(
    project: ProjectFolder, session: Session, attribute: str
) -> tuple[ActiveSchema, ActivePredictions | None]:
    """The schema, and the predictions in use if they answer the attribute."""
    active = active_schema(session)
    _sweepable_attribute(active, attribute)
    predictions = active_predictions(project, session, active.hash)
    return active, predictions if predictions and attribute in predictions.file.codes else None


def _sweepable_attribute(active: ActiveSchema, name: str) -> int:
    if name not in active.ids:
        raise unknown_attribute(active.schema, name)
    if active.schema[name].kind == "open":
        raise FacelabelError(
            "not_sweepable", f"{name} is answered by a name, not by a value.", do="Sweep another attribute."
        )
    return active.ids[name]


def _images(session: Session, page: SweptPage, codes: dict[int, int | None]) -> dict[int, Image]:
    if len(codes) < len(page.cells):
        raise WrongUse("bad_request", "An image comes twice in one page.", do="Send one answer for each.")
    images = {image.id: image for image in session.scalars(select(Image).where(Image.id.in_(codes)))}
    if missing := sorted(codes.keys() - images.keys()):
        raise NotFound("unknown_image", f"There is no image {missing[0]}.", do="Ask for the next page.")
    return images


def _opinions(
    session: Session, labeller_id: int, attribute_id: int, page: SweptPage, images: dict[int, Image]
) -> set[int]:
    """Images whose label this page may not set: somebody else's by now, decided by a reviewer, or labelled blind."""
    leases = {row.image_id: row for row in session.scalars(select(Lease).where(Lease.image_id.in_(images)))}
    standing: dict[int, tuple[int, str]] = {}
    query = (
        select(Label.image_id, Submission.labeller_id, Annotation.origin)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(Label.image_id.in_(images), Label.attribute_id == attribute_id)
    )
    for image_id, labeller, origin in session.execute(query):
        standing[image_id] = (labeller, origin)
    blind = blind_among(session, images.keys())
    opinions = set()
    for cell in page.cells:
        held = leases.get(cell.image_id)
        labeller, origin = standing.get(cell.image_id, (labeller_id, ""))
        in_time = held is not None and held.token == cell.lease
        others = held is not None and held.labeller_id != labeller_id and held.expires_at > now()
        answered = labeller != labeller_id and origin in {"human", "suggestion", "aggregate", "schema"}
        if cell.image_id in blind or origin == "review" or (not in_time and (others or answered)):
            opinions.add(cell.image_id)
    return opinions


def _outcome(session: Session, row: Submission) -> SweepOutcome:
    query = select(Annotation.image_id, Annotation.origin).where(Annotation.submission_id == row.id)
    cells = session.execute(query).all()
    return SweepOutcome(row.key, len(cells), sorted(i for i, origin in cells if origin == "opinion"))
