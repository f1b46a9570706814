"""The API that corrects names: split a person, unname faces, undo a run of names."""

from __future__ import annotations

from flask import Blueprint

from annotator.services.annotation.take_back import undo_take_back
from annotator.services.people.naming_runs import Naming, last_namings, undo_namings_since
from annotator.services.people.split import Split, split_person
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import answers, spec
from annotator.web.label.people_contracts import (
    NamingOut,
    NamingsOut,
    NamingsUndone,
    NamingsUndoRequest,
    PersonChangedAnswer,
    SplitRequest,
)

people_corrections = Blueprint("people_corrections", __name__, url_prefix="/api/v1/people")


@people_corrections.post("/split")
@spec.validate(resp=answers(HTTP_200=PersonChangedAnswer, problems=(404, 409)), tags=["people"])
def split(json: SplitRequest) -> PersonChangedAnswer:
    """Give images of a person to another person, or to nobody. Repeating a key changes nothing."""
    key, images = idempotency_key(), tuple(dict.fromkeys(json.images))
    with context().project.database.write() as session:
        wanted = Split(key, json.code, images, json.name, json.unname)
        person = split_person(session, labeller_id(), wanted)
        return PersonChangedAnswer(submission=key, code=person.code, name=person.name, images=len(images))


@people_corrections.get("/namings")
@spec.validate(resp=answers(HTTP_200=NamingsOut), tags=["people"])
def namings() -> NamingsOut:
    """The last sets that you confirmed, newest first."""
    with context().project.database.read() as session:
        return _listed(last_namings(session, labeller_id()))


@people_corrections.post("/namings/undo")
@spec.validate(resp=answers(HTTP_200=NamingsUndone, problems=(404, 409)), tags=["people"])
def undo_namings(json: NamingsUndoRequest) -> NamingsUndone:
    """Undo a set of yours and all your later ones, as one submission. Repeating a key changes nothing."""
    key = idempotency_key()
    with context().project.database.write() as session:
        effect = undo_namings_since(session, labeller_id(), key, json.submission)
    return NamingsUndone(
        submission=key, sets=effect.submissions, opened=effect.opened, restored=effect.restored
    )


@people_corrections.post("/namings/restore")
@spec.validate(resp=answers(HTTP_200=NamingsOut, problems=(404, 409)), tags=["people"])
def restore_namings(json: NamingsUndoRequest) -> NamingsOut:
    """Undo the undo of a run of names: they count again."""
    with context().project.database.write() as session:
        undo_take_back(session, labeller_id(), idempotency_key(), json.submission, only_own=True)
        return _listed(last_namings(session, labeller_id()))


def _listed(namings: list[Naming]) -> NamingsOut:
    return NamingsOut(
        namings=[
            NamingOut(
                submission=one.key,
                created_at=one.created_at,
                name=one.name,
                images=one.images,
                undone=one.undone,
            )
            for one in namings
        ]
    )
