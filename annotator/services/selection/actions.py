"""What can be done with the images of a selection. A new action is a function that makes a plan, and a line in `ACTIONS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.orm import Session

from annotator.domain.notes import clean_note
from annotator.domain.precedence import KeptAs, Way, decide
from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import FacelabelError, WrongUse
from annotator.models import Annotation, Flag, Gold, Label, Submission
from annotator.services.annotation.log import NewAnnotation, add_annotations, annotate_all, update_images
from annotator.services.annotation.standing import read_cell_states
from annotator.services.annotation.submit import Answer, code_of_answer
from annotator.services.review.own_answers import answered_among, own_codes
from annotator.services.review.queue import check_reviewer, own_view
from annotator.services.schema.active import active_schema, unknown_attribute
from annotator.services.tasks.overlap import update_wanted_opinions


@dataclass(frozen=True)
class Change:
    """One action on some images.

    Args:
        action: a name in `ACTIONS`.
        images: the ids of the images.
        attribute: for `set` and `clear`; None clears all attributes.
        value: for `set`; None means "can't tell".
        note: for `flag`.
        adjudicate: for `set`: a reviewer decides these cells; for `clear`: reviewers' decisions are cleared too.
    """

    action: str
    images: tuple[int, ...]
    attribute: str | None = None
    value: Answer = None
    note: str = ""
    adjudicate: bool = False


@dataclass(frozen=True)
class Plan:
    """What a change would do, and how it is done.

    Args:
        changed: the images that change.
        same: images that are already as they should be.
        opinions: images whose answer is kept as an opinion, because a reviewer decided the cell.
        unchanged: images that the action cannot change, for the reason in `why`.
        why: why these stay as they are.
        kind: the kind of the submission.
        write: stores the change; it gets the submission.
    """

    changed: int
    same: int = 0
    opinions: int = 0
    unchanged: int = 0
    why: str = ""
    kind: SubmissionKind = SubmissionKind.REVIEW
    write: Callable[[Submission], None] = field(default=lambda _: None, repr=False)


def _plan_set(session: Session, labeller_id: int, change: Change) -> Plan:
    """Answer one cell of each image, as a correction or as a reviewer's decision; a labeller, only of images that they answered.

    A labeller is not told which answers are kept as opinions: that would tell which images others answered first.
    """
    own_of = own_view(session, labeller_id)
    if change.adjudicate:
        check_reviewer(session, labeller_id)
    active, name = active_schema(session), change.attribute or ""
    if name in active.ids and active.schema[name].kind == "open":
        raise FacelabelError(
            "not_for_selections",
            f"{name} is answered with names, one person at a time.",
            do="Name faces on the page People.",
        )
    code = code_of_answer(session, active.schema, name, change.value)
    images = change.images
    if own_of is not None:
        answered = answered_among(session, own_of, images)
        images = tuple(image for image in images if image in answered)
    cells = read_cell_states(session, active.ids[name], labeller_id, dict.fromkeys(images))
    labels = _labels(session, images, name, own_of)
    way = Way.DECISION if change.adjudicate else Way.CORRECTION if own_of is None else Way.REVISION
    wanted_origin = Origin.REVIEW if change.adjudicate else Origin.HUMAN
    answers, same = [], 0
    for image in images:
        if image in labels and labels[image][0] == code and (not change.adjudicate or labels[image][1]):
            same += 1
            continue
        kept = decide(cells[image], way)
        answers.append((image, name, code, Origin.OPINION if kept is KeptAs.OPINION else wanted_origin))
    opinions = sum(origin is Origin.OPINION for *_, origin in answers) if own_of is None else 0
    unanswered = len(change.images) - len(images)
    return Plan(
        len(answers) - opinions,
        same=same,
        opinions=opinions,
        unchanged=unanswered,
        why="you have not answered them" if unanswered else "",
        write=lambda submission: annotate_all(session, active, submission.id, answers),
    )


def _labels(
    session: Session, images: tuple[int, ...], attribute: str, own_of: int | None
) -> dict[int, tuple[int | None, bool]]:
    """Image → its label of an attribute, and whether a reviewer decided it; for a labeller, their own answer."""
    if own_of is not None:
        codes = own_codes(session, active_schema(session), own_of, images)
        return {image: (cells[attribute], False) for image, cells in codes.items() if attribute in cells}
    query = (
        select(Label.image_id, Label.code, Annotation.origin)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(Label.attribute_id == active_schema(session).ids[attribute], Label.image_id.in_(images))
    )
    return {image: (code, origin == Origin.REVIEW) for image, code, origin in session.execute(query)}


def _plan_clear(session: Session, labeller_id: int, change: Change) -> Plan:
    """Open the cells of an attribute, or all cells, again. Reviewers' decisions stay unless `adjudicate` is given."""
    check_reviewer(session, labeller_id)
    active = active_schema(session)
    if change.attribute is not None and change.attribute not in active.ids:
        raise unknown_attribute(active.schema, change.attribute)
    query = (
        select(Label.image_id, Label.attribute_id, Annotation.origin)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(Label.image_id.in_(change.images))
    )
    if change.attribute is not None:
        query = query.where(Label.attribute_id == active.ids[change.attribute])
    labels = session.execute(query.order_by(Label.image_id, Label.attribute_id)).all()
    cleared = [(i, a) for i, a, origin in labels if change.adjudicate or origin != Origin.REVIEW]
    changed = {image for image, _ in cleared}
    decided = {image for image, *_ in labels} - changed

    def write(submission: Submission) -> None:
        cells = [NewAnnotation(image, attribute, None, Origin.CLEARED) for image, attribute in cleared]
        add_annotations(session, submission.id, cells)
        own = select(Annotation.image_id, Annotation.attribute_id).where(
            Annotation.submission_id == submission.id
        )
        session.execute(delete(Label).where(tuple_(Label.image_id, Label.attribute_id).in_(own)))
        update_images(session, active, changed, {attribute for _, attribute in cleared})
        update_wanted_opinions(session, changed)

    return Plan(
        len(changed),
        same=len(change.images) - len(changed) - len(decided),
        unchanged=len(decided),
        why="a reviewer decided them" if decided else "",
        kind=SubmissionKind.CLEAR,
        write=write,
    )


def _plan_flag(session: Session, labeller_id: int, change: Change) -> Plan:
    """Flag each image with the same note. The flags have keys that begin with that of the submission."""
    note = clean_note(change.note)

    def write(submission: Submission) -> None:
        shared = {"labeller_id": labeller_id, "note": note, "created_at": submission.created_at}
        rows = [shared | {"image_id": image, "key": f"{submission.key}/{image}"} for image in change.images]
        session.execute(insert(Flag), rows)

    return Plan(len(change.images), write=write)


def _plan_gold(session: Session, labeller_id: int, change: Change) -> Plan:
    """Make those images gold that have cells decided by reviewers, with these decisions as their correct answers.

    The rows have the time of the submission, by which the undo finds them.
    """
    check_reviewer(session, labeller_id)
    gold = set(session.scalars(select(Gold.image_id).where(Gold.image_id.in_(change.images))))
    query = (
        select(Label.image_id, Label.attribute_id, Label.code)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(Label.image_id.in_(change.images), Annotation.origin == Origin.REVIEW)
        .order_by(Label.image_id, Label.attribute_id)
    )
    answers: dict[int, list[list[int | None]]] = {}
    for image, attribute, code in session.execute(query):
        if image not in gold:
            answers.setdefault(image, []).append([attribute, code])
    undecided = len(change.images) - len(gold) - len(answers)

    def write(submission: Submission) -> None:
        shared = {"labeller_id": labeller_id, "created_at": submission.created_at}
        rows = [shared | {"image_id": image, "answers": decided} for image, decided in answers.items()]
        if rows:
            session.execute(insert(Gold), rows)

    why = "no reviewer has decided any of their cells" if undecided else ""
    return Plan(len(answers), same=len(gold), unchanged=undecided, why=why, write=write)


def undo_flags_and_gold(session: Session, target: Submission) -> None:
    """Take away the flags and the gold that a submission gave to its images."""
    # The character after "/" is "0": the range holds exactly the keys that begin with the submission's key and "/".
    own = (Flag.key > f"{target.key}/", Flag.key < f"{target.key}0", Flag.labeller_id == target.labeller_id)
    session.execute(delete(Flag).where(*own))
    session.execute(
        delete(Gold).where(Gold.created_at == target.created_at, Gold.labeller_id == target.labeller_id)
    )


def check_change(change: Change) -> None:
    """Refuse a change that names no action or no images, or an image twice.

    Raises:
        WrongUse: it says what is missing.
    """
    if change.action not in ACTIONS:
        raise WrongUse(
            "bad_request", f"There is no action {change.action!r}.", do=f"Send {', '.join(ACTIONS)}."
        )
    if not change.images:
        raise WrongUse("nothing_selected", "No image is selected.", do="Select at least one image.")
    if len(set(change.images)) < len(change.images):
        raise WrongUse("bad_request", "An image occurs twice in a selection.", do="Send each image once.")
    if change.action == "set" and change.attribute is None:
        raise WrongUse("no_attribute", "A value needs its attribute.", do="Send the attribute as well.")


ACTIONS: Mapping[str, Callable[[Session, int, Change], Plan]] = {
    "set": _plan_set,
    "clear": _plan_clear,
    "flag": _plan_flag,
    "gold": _plan_gold,
}
"""Name → the function that plans the action for a labeller."""
