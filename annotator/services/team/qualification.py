"""Qualification: a new labeller answers gold images with feedback before any answer of theirs counts.

The answers of an attempt are in separate tables and never reach the log, so that no label, agreement or training can use
them. A gold image whose known answers somebody has seen is not asked blind of them later (services/tasks/cursor).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from annotator.domain.roles import Role
from annotator.domain.states import JUDGED
from annotator.errors import FacelabelError, NotFound, WrongUse
from annotator.models import (
    Gold,
    Image,
    Labeller,
    Project,
    Qualification,
    QualificationImage,
    Submission,
    now,
)
from annotator.services.annotation.submit import code_of_answer
from annotator.services.common.counted import COUNTED
from annotator.services.common.undone import is_undone
from annotator.services.schema.active import active_schema

MOST_IMAGES = 100
_random = random.SystemRandom()  # another sequence in each process, also in forked ones


@dataclass(frozen=True)
class QualificationSettings:
    """`images`: gold images that a new labeller answers first, 0 for none; `pass_mark`: share of cells that must be right."""

    images: int = 0
    pass_mark: float = 0.8


@dataclass(frozen=True)
class QualificationTask:
    """The next image of an attempt, and the attributes that are asked."""

    image_id: int
    sha256: str
    width: int
    height: int
    attributes: list[str]


@dataclass(frozen=True)
class Standing:
    """Where a labeller stands.

    Args:
        state: `ready` (no attempt yet), `running`, `passed` or `failed`.
        attempts: how many attempts they began.
        answered: images of the newest attempt that are answered, of `images`.
        right: cells of it that were right, of `cells`.
        pass_mark: the share that must be right.
        task: the next image.
    """

    state: str
    attempts: int
    answered: int
    images: int
    right: int
    cells: int
    pass_mark: float
    task: QualificationTask | None


@dataclass(frozen=True)
class CheckedCell:
    """An answer to a cell, and the known one; a code is None for "can't tell"."""

    attribute: str
    code: int | None
    known: int | None
    right: bool


@dataclass(frozen=True)
class Candidate:
    """A labeller, for the page *Team*: whether their answers count, and how their newest attempt went."""

    labeller_id: int
    name: str
    qualified: bool
    standing: Standing


def qualification_settings(session: Session) -> QualificationSettings:
    """Read the current settings."""
    columns = select(Project.qualification_images, Project.qualification_share)
    return QualificationSettings(*session.execute(columns).one())


def count_usable_gold(session: Session) -> int:
    """Count the gold images with known values that a qualification can ask for."""
    return len(_known(session))


def change_qualification(session: Session, settings: QualificationSettings) -> None:
    """Switch the qualification on, change it, or switch it off.

    It holds for labellers who have not answered anything when it is switched on, and for those who come later. When it is
    switched off, everybody's answers count from then on.

    Raises:
        FacelabelError: if a setting is out of range, or there are too few gold images.
    """
    if not 0 <= settings.images <= MOST_IMAGES or not 0 <= settings.pass_mark <= 1:
        raise FacelabelError(
            "bad_qualification",
            f"A qualification has 0 to {MOST_IMAGES} images and a pass mark of 0 to 100 %.",
            do="Send other values.",
        )
    there = count_usable_gold(session)
    if settings.images > there:
        raise FacelabelError(
            "too_little_gold",
            f"The project has {there} gold images with known values, and {settings.images} are wanted.",
            do="Make more images gold, or ask for fewer.",
        )
    before = qualification_settings(session)
    session.execute(
        update(Project).values(qualification_images=settings.images, qualification_share=settings.pass_mark)
    )
    if settings.images == 0:
        session.execute(update(Labeller).values(qualified=True))
    elif before.images == 0:
        answered = exists().where(
            Submission.labeller_id == Labeller.id, Submission.kind.in_(JUDGED), ~is_undone()
        )
        new = (Labeller.password_hash.is_not(None), Labeller.role == Role.LABELLER, ~answered)
        session.execute(update(Labeller).where(*new).values(qualified=False))
    session.expire_all()


def let_pass(session: Session, labeller_id: int, *, qualified: bool) -> None:
    """Let the answers of a labeller count without an attempt, or ask for an attempt again.

    Raises:
        NotFound: if there is no such account.
    """
    row = session.get(Labeller, labeller_id)
    if row is None or row.password_hash is None:
        raise NotFound("unknown_account", f"There is no account {labeller_id}.", do="Load the page again.")
    row.qualified = qualified


def read_standing(session: Session, labeller_id: int) -> Standing:
    """Where a labeller stands, with the next image of a running attempt."""
    settings = qualification_settings(session)
    attempts = session.scalar(
        select(func.count()).select_from(Qualification).where(Qualification.labeller_id == labeller_id)
    )
    attempt, labeller = _newest(session, labeller_id), session.get_one(Labeller, labeller_id)
    if attempt is None:
        state = "passed" if settings.images and labeller.qualified else "ready"
        return Standing(state, 0, 0, settings.images, 0, 0, settings.pass_mark, None)
    rows = _rows(session, attempt.id)
    done = [row for row in rows if row.answers is not None]
    waiting = _waiting(session, attempt)
    state = {None: "running", True: "passed", False: "failed"}[labeller.qualified or attempt.passed]
    return Standing(
        state=state,
        attempts=attempts or 0,
        answered=len(done),
        images=len(done) + len(waiting),
        right=sum(row.right for row in done),
        cells=sum(row.cells for row in done),
        pass_mark=settings.pass_mark,
        task=_task(session, waiting[0].image_id) if waiting else None,
    )


def start_attempt(session: Session, labeller_id: int) -> None:
    """Begin an attempt, with images that the labeller has not seen as far as there are any. A running one goes on.

    Raises:
        FacelabelError: if the project has no gold image to ask for.
    """
    newest = _newest(session, labeller_id)
    if newest is not None and newest.passed is None and _waiting(session, newest):
        return
    known = list(_known(session))
    if not known:
        raise FacelabelError(
            "no_gold", "There is no image with known answers now.", do="Ask an admin: they can let you pass."
        )
    _random.shuffle(known)
    seen = set(
        session.scalars(
            select(QualificationImage.image_id)
            .join(Qualification, Qualification.id == QualificationImage.qualification_id)
            .where(Qualification.labeller_id == labeller_id)
        )
    )
    known.sort(key=lambda image: image in seen)
    attempt = Qualification(labeller_id=labeller_id, passed=None, started_at=now(), finished_at=None)
    session.add(attempt)
    session.flush()
    for position, image in enumerate(known[: max(1, qualification_settings(session).images)]):
        session.add(
            QualificationImage(
                qualification_id=attempt.id, image_id=image, position=position, answers=None, right=0, cells=0,
                answered_at=None,
            )
        )  # fmt: skip
    session.flush()


def answer_image(
    session: Session, labeller_id: int, image_id: int, values: Mapping[str, int | None]
) -> list[CheckedCell]:
    """Check the answers to an image of the newest attempt. A repetition changes nothing and tells the same.

    Raises:
        NotFound: if the attempt has no such image.
        WrongUse: if an attribute that is asked has no answer.
        FacelabelError: if a value is not in the schema.
    """
    attempt, active = _newest(session, labeller_id), active_schema(session)
    row = session.get(QualificationImage, (attempt.id, image_id)) if attempt is not None else None
    known = _known(session).get(image_id)
    if attempt is None or row is None or known is None:
        raise NotFound("unknown_image", f"Image {image_id} is not asked now.", do="Load the page again.")
    if row.answers is None:
        if missing := [name for name in known if name not in values]:
            raise WrongUse("answer_missing", f"{missing[0]} has no answer.", do="Answer every question.")
        codes = {name: code_of_answer(session, active.schema, name, values[name]) for name in known}
        checked = _check(codes, known)
        row.answers = [[active.ids[name], code] for name, code in codes.items()]
        row.right, row.cells = sum(cell.right for cell in checked), len(checked)
        row.answered_at = now()
        session.flush()
        if not _waiting(session, attempt):
            _finish(session, attempt)
    codes = {active.names[n]: code for n, code in row.answers if n in active.names and n is not None}
    return _check({name: codes.get(name) for name in known}, known)


def list_candidates(session: Session) -> list[Candidate]:
    """All labellers with an account who must qualify, or who tried to."""
    tried = exists().where(Qualification.labeller_id == Labeller.id)
    people = session.execute(
        select(Labeller.id, Labeller.name, Labeller.qualified)
        .where(Labeller.password_hash.is_not(None), Labeller.role == Role.LABELLER)
        .where(tried | ~Labeller.qualified)
        .order_by(Labeller.id)
    ).all()
    return [
        Candidate(number, name, qualified, read_standing(session, number))
        for number, name, qualified in people
    ]


def _finish(session: Session, attempt: Qualification) -> None:
    rows = [row for row in _rows(session, attempt.id) if row.answers is not None]
    right, cells = sum(row.right for row in rows), sum(row.cells for row in rows)
    attempt.passed = right >= qualification_settings(session).pass_mark * cells - 1e-9
    attempt.finished_at = now()
    if attempt.passed:
        session.get_one(Labeller, attempt.labeller_id).qualified = True


def _check(codes: Mapping[str, int | None], known: Mapping[str, int | None]) -> list[CheckedCell]:
    return [CheckedCell(name, codes[name], code, codes[name] == code) for name, code in known.items()]


def _newest(session: Session, labeller_id: int) -> Qualification | None:
    query = select(Qualification).where(Qualification.labeller_id == labeller_id)
    return session.scalar(query.order_by(Qualification.id.desc()).limit(1))


def _rows(session: Session, attempt: int) -> list[QualificationImage]:
    query = select(QualificationImage).where(QualificationImage.qualification_id == attempt)
    return list(session.scalars(query.order_by(QualificationImage.position)))


def _waiting(session: Session, attempt: Qualification) -> list[QualificationImage]:
    """The images of a running attempt that are not answered and still have known answers."""
    if attempt.passed is not None:
        return []
    known = _known(session)
    return [row for row in _rows(session, attempt.id) if row.answers is None and row.image_id in known]


def _task(session: Session, image_id: int) -> QualificationTask:
    image = session.get_one(Image, image_id)
    return QualificationTask(
        image_id, image.sha256, image.width, image.height, list(_known(session)[image_id])
    )


def _known(session: Session) -> dict[int, dict[str, int | None]]:
    """Image → attribute → known code, of the gold images; people are not asked for."""
    active, known = active_schema(session), dict[int, dict[str, int | None]]()
    query = select(Gold.image_id, Gold.answers).join(Image, Image.id == Gold.image_id).where(COUNTED)
    for image, answers in session.execute(query.order_by(Gold.id)):
        cells = {}
        for number, code in answers:
            name = active.names.get(number or 0)
            if name is None or active.schema[name].kind == "open":
                continue
            current = None if code is None else active.schema[name].current(code)
            if code is None or current is not None:
                cells[name] = current
        if cells:
            known[image] = {name: cells[name] for name in active.names.values() if name in cells}
    return known
