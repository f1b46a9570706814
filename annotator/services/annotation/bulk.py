"""Bulk answers (the page *Sweep*): one attribute, a page of images with the same prediction, one submission for all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import astuple, dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from annotator.domain.precedence import CellState, Holder, KeptAs, Way, decide
from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import FacelabelError, NotFound, WrongUse
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Annotation, Image, Lease, Submission, now
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk_order import (
    Inside,
    Order,
    find_in_queue_order,
    group_sizes,
    predicted_order,
    restart_search,
)
from annotator.services.annotation.exclude import excluded_among
from annotator.services.annotation.log import add_submission, annotate_all, find_submission
from annotator.services.annotation.standing import read_cell_states
from annotator.services.annotation.submit import code_of_answer
from annotator.services.annotation.undo import find_undoable, undo_submission
from annotator.services.common.counted import COUNTED
from annotator.services.common.image_maps import images_inside, rows_inside
from annotator.services.predictions.active import ActivePredictions, active_predictions
from annotator.services.schema.active import ActiveSchema, active_schema, unknown_attribute
from annotator.services.tasks.assigned import read_reach
from annotator.services.tasks.leases import give_up_leases
from annotator.services.tasks.task import Task, lease_tasks
from annotator.services.tasks.visibility import blind_among, labelled_blind


@dataclass(frozen=True)
class SweepSelection:
    """What a labeller wants to sweep.

    Args:
        attribute: the attribute.
        value: the predicted code; None: all images in the order of the queue.
        order: the most uncertain ("doubtful") or the most confident predictions first; or all cells by the probability of
            the value ("probable"), so that a value that the model never predicts has a page too.
        without: images that the labeller left out earlier.
        inside: a polygon on a map of the images, as `annotator.domain.polygon` reads it; None: all images.
    """

    attribute: str
    value: int | None = None
    order: Order = "doubtful"
    without: frozenset[int] = frozenset()
    inside: str | None = None


@dataclass(frozen=True)
class SweptCell:
    """The answer to one image of a page. `accepted`: it is the value that the model suggested."""

    image_id: int
    lease: str | None
    code: int | None
    accepted: bool = False

    @property
    def origin(self) -> Origin:
        """How the answer came about, if it becomes the label."""
        return Origin.SUGGESTION if self.accepted and self.code is not None else Origin.HUMAN


@dataclass(frozen=True)
class SweptPage:
    """A page of answers as it is sent.

    Args:
        key: the idempotency key.
        attribute: the attribute.
        cells: the answers.
        left_out: the leases of images that the labeller did not answer.
        searched: the value that a search is for; None: no search.
        ruled_out: images that have not this value.
        milliseconds: how long the page took.
    """

    key: str
    attribute: str
    cells: tuple[SweptCell, ...]
    left_out: tuple[str, ...] = ()
    searched: int | None = None
    ruled_out: tuple[int, ...] = ()
    milliseconds: int | None = None

    def fingerprint(self) -> str:
        """A hash of the content: a repetition with the same key must have the same one."""
        cells = sorted(self.cells, key=lambda cell: cell.image_id)
        body: list[object] = [self.attribute, [astuple(cell) for cell in cells], sorted(self.left_out)]
        if self.searched is not None:
            body += [self.searched, sorted(self.ruled_out)]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()


@dataclass(frozen=True)
class SweepOutcome:
    """What became of a page: how many images were answered, those whose answer is only an opinion, and excluded ones."""

    key: str
    answered: int
    opinions: list[int]
    excluded: list[int]


def count_predicted(project: ProjectFolder, session: Session, selection: SweepSelection) -> dict[int, int]:
    """Count the open cells by predicted value. Empty if the predictions do not contain the attribute."""
    active, predictions = _schema_and_predictions(project, session, selection.attribute)
    file = predictions.file_for(selection.attribute) if predictions else None
    if file is None:
        return {}
    inside = _inside(project, session, selection, file)
    sizes = group_sizes(session, file, selection.attribute, inside)
    if selection.value in sizes and selection.order != "probable":
        left = len(
            predicted_order(
                session, file, selection.attribute, selection.value, selection.order, inside=inside
            )
        )
        sizes[selection.value] = min(sizes[selection.value], left)
    offered = [value.code for value in active.schema[selection.attribute].values if value.status == "active"]
    return {code: sizes[code] for code in offered if code in sizes}


def find_page(
    project: ProjectFolder, session: Session, labeller_id: int, selection: SweepSelection, count: int
) -> list[int]:
    """Find the next images of a sweep, by id; images that are labelled blind or leased are left out.

    The first call for a value scans the predictions: make it in a session without the write lock.

    Raises:
        FacelabelError: if the attribute or value does not exist, or the attribute cannot be swept.
        NotFound: if the map of a polygon is no longer kept.
    """
    active, predictions = _schema_and_predictions(project, session, selection.attribute)
    attribute_id = active.ids[selection.attribute]
    code = code_of_answer(session, active.schema, selection.attribute, selection.value)
    if count == 0:
        return []
    if code is None:
        chosen = images_inside(project, session, selection.inside) if selection.inside else None
        return find_in_queue_order(session, labeller_id, attribute_id, count, selection.without, chosen)
    file = predictions.file_for(selection.attribute) if predictions else None
    if file is None or code not in file.codes[selection.attribute]:
        return []
    reach, inside = read_reach(session, labeller_id), _inside(project, session, selection, file)
    order = predicted_order(session, file, selection.attribute, code, selection.order, reach, inside)
    return order.find(session, labeller_id, attribute_id, count, selection.without)


def _inside(
    project: ProjectFolder, session: Session, selection: SweepSelection, file: PredictionsFile
) -> Inside | None:
    if selection.inside is None:
        return None
    return Inside(selection.inside, rows_inside(project, session, selection.inside, file))


def lease_page(
    project: ProjectFolder,
    session: Session,
    labeller_id: int,
    selection: SweepSelection,
    *,
    count: int,
    lease_seconds: int,
) -> list[Task]:
    """Lease the next images of a sweep, which `find_page` finds."""
    images = find_page(project, session, labeller_id, selection, count)
    active, predictions = _schema_and_predictions(project, session, selection.attribute)
    return lease_tasks(session, images, labeller_id, lease_seconds, active, predictions)


def submit_page(session: Session, labeller_id: int, page: SweptPage) -> SweepOutcome:
    """Keep the answers of a page, all or none. A repetition with the same key changes nothing and returns the same outcome.

    `domain/precedence` decides which of them become labels.

    Raises:
        Conflict: if the key was used for another request.
        NotFound: if there is no such image.
        FacelabelError: if the attribute or a value is not in the schema, or an image occurs twice.
    """
    existing = find_submission(session, page.key, page.fingerprint(), labeller_id)
    if existing is not None:
        return _outcome(session, existing)
    active = active_schema(session)
    attribute_id = sweepable_attribute(active, page.attribute)
    codes = {c.image_id: code_of_answer(session, active.schema, page.attribute, c.code) for c in page.cells}
    cells = _cells(session, labeller_id, attribute_id, page)
    opinions = {image for image, cell in cells.items() if decide(cell, Way.BULK) is KeptAs.OPINION}
    submission_id = add_submission(
        session,
        key=page.key,
        kind=SubmissionKind.SWEEP,
        fingerprint=page.fingerprint(),
        labeller_id=labeller_id,
        image_id=None,
        late=bool(opinions),
        milliseconds=page.milliseconds,
    )
    not_held = [image for image, cell in cells.items() if cell.holder is not Holder.OTHER]
    session.execute(delete(Lease).where(Lease.image_id.in_(not_held)))
    give_up_leases(session, labeller_id, page.left_out)
    answers = [
        (
            c.image_id,
            page.attribute,
            codes[c.image_id],
            Origin.OPINION if c.image_id in opinions else c.origin,
        )
        for c in page.cells
    ]
    annotate_all(session, active, submission_id, answers)
    excluded = excluded_among(session, [cell.image_id for cell in page.cells])
    return SweepOutcome(page.key, len(page.cells), sorted(opinions), excluded)


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
    """Undo a page of this labeller and lease its images again.

    Args:
        project: the project.
        session: a writing session.
        labeller_id: the labeller.
        key: the idempotency key of the undo.
        undone_key: the key of the page; None: the last one that was not undone.
        left_out: images that were left out of the page; they are leased with the others.
        lease_seconds: for how long.

    Raises:
        NotFound: if there is nothing to undo.
        Conflict: if it was undone already, or the key was used for another request.
    """
    fingerprint = hashlib.sha256(f"undo-sweep:{undone_key}".encode()).hexdigest()
    existing = find_submission(session, key, fingerprint, labeller_id)
    if existing is not None:
        target = session.get_one(Submission, existing.undoes)
    else:
        target = find_undoable(session, labeller_id, undone_key, kinds=(SubmissionKind.SWEEP,))
        undo_submission(session, target, key, fingerprint)
        restart_search(session)
    swept = session.scalars(select(Annotation.image_id).where(Annotation.submission_id == target.id))
    held = select(Lease.image_id).where(Lease.labeller_id != labeller_id, Lease.expires_at > now())
    query = select(Image.id).where(
        Image.id.in_({*swept, *left_out}),
        Image.id.not_in(held),
        Image.open_cells > 0,
        COUNTED,
        ~labelled_blind(session),
    )
    active = active_schema(session)
    predictions = active_predictions(project, session, active.hash)
    images = list(session.scalars(query.order_by(Image.id)))
    return target, lease_tasks(session, images, labeller_id, lease_seconds, active, predictions)


def _schema_and_predictions(
    project: ProjectFolder, session: Session, attribute: str
) -> tuple[ActiveSchema, ActivePredictions | None]:
    """The active schema, and the active predictions if any suggest values of the attribute."""
    active = active_schema(session)
    sweepable_attribute(active, attribute)
    predictions = active_predictions(project, session, active.hash)
    return active, predictions if predictions and predictions.file_for(attribute) else None


def sweepable_attribute(active: ActiveSchema, name: str) -> int:
    """The id of an attribute that can be swept.

    Raises:
        FacelabelError: if there is no such attribute, or it is answered with names.
    """
    if name not in active.ids:
        raise unknown_attribute(active.schema, name)
    if active.schema[name].kind == "open":
        raise FacelabelError(
            "not_sweepable",
            f"{name} is answered with names, so it has no values to sweep.",
            do="Sweep another attribute.",
        )
    return active.ids[name]


def _cells(session: Session, labeller_id: int, attribute_id: int, page: SweptPage) -> dict[int, CellState]:
    """How the cells of a page stand, by image."""
    tokens = {cell.image_id: cell.lease for cell in page.cells}
    if len(tokens) < len(page.cells):
        raise WrongUse(
            "bad_request", "An image occurs twice in one page.", do="Send one answer for each image."
        )
    blind = blind_among(session, tokens)
    cells = read_cell_states(session, attribute_id, labeller_id, tokens, blind)
    if missing := sorted(tokens.keys() - cells.keys()):
        raise NotFound("unknown_image", f"There is no image {missing[0]}.", do="Ask for the next page.")
    return cells


def _outcome(session: Session, row: Submission) -> SweepOutcome:
    query = select(Annotation.image_id, Annotation.origin).where(Annotation.submission_id == row.id)
    cells = session.execute(query).all()
    opinions = sorted(image for image, origin in cells if origin == Origin.OPINION)
    excluded = excluded_among(session, [image for image, _ in cells])
    return SweepOutcome(row.key, len(cells), opinions, excluded)
