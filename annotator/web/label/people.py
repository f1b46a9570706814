"""The people page and its API: sets of faces to confirm, the directory of people, renaming and merging."""

from __future__ import annotations

from flask import Blueprint

from annotator.services.people.confirm import Confirmation, confirm
from annotator.services.people.directory import (
    complete_name,
    describe_people,
    faces_of_person,
    list_people,
)
from annotator.services.people.face_sets import (
    find_sets,
    identity_attribute,
    resembling,
)
from annotator.services.people.rename_merge import (
    get_person,
    history_of,
    merge,
    rename,
    undo_people_change,
)
from annotator.services.schema.active import active_schema
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import answers, spec
from annotator.web.http.pages import render_page
from annotator.web.label.people_contracts import (
    FACES_OF_PERSON,
    ChangedOut,
    ConfirmAnswer,
    ConfirmRequest,
    MergeRequest,
    NamesOut,
    NamesQuery,
    PeopleOut,
    PeopleQuery,
    PeopleUndoAnswer,
    PeopleUndoRequest,
    PersonChangedAnswer,
    PersonDetailOut,
    PersonOut,
    RenameRequest,
    SetsAnswer,
    SetsRequest,
    face_out,
    person_fields,
    resembled_out,
    set_out,
)

people = Blueprint("people", __name__)


@people.get("/people")
def people_page() -> str:
    """The people page."""
    return render_page("people")


@people.get("/people/all")
def list_page() -> str:
    """The directory of all people: names, merges, history."""
    with context().project.database.read() as session:
        identity = active_schema(session).identity
    return render_page("people_list", active="people", attribute=identity[1] if identity else "")


@people.post("/api/v1/people/sets")
@spec.validate(resp=answers(HTTP_200=SetsAnswer), tags=["people"])
def next_sets(json: SetsRequest) -> SetsAnswer:
    """The next sets of faces that look like one person. Nobody else gets these sets for two minutes."""
    project = context().project
    with project.database.read() as session:
        attribute_id, attribute = identity_attribute(session)
        proposal = find_sets(
            project,
            session,
            labeller_id(),
            count=json.count,
            showing=json.showing,
            holding=json.holding,
            without=json.without,
        )
        return SetsAnswer(
            attribute=attribute,
            sets=[set_out(session, attribute_id, one) for one in proposal.sets],
            people=resembled_out(session, attribute_id, proposal.people),
            proposed=proposal.proposed,
            computing=proposal.computing,
            unnamed=proposal.unnamed,
            described=proposal.described,
        )


@people.post("/api/v1/people/confirm")
@spec.validate(resp=answers(HTTP_200=ConfirmAnswer, problems=(404, 409)), tags=["people"])
def confirm_set(json: ConfirmRequest) -> ConfirmAnswer:
    """Store who is in the images of a set, all or none. Repeating a key changes nothing."""
    confirmation = Confirmation(
        key=idempotency_key(),
        person=json.person,
        images=tuple(json.images),
        exceptions=tuple(json.exceptions),
        unsure=tuple(json.unsure),
        unknown=tuple(json.unknown),
        accepted=json.accepted,
        milliseconds=json.milliseconds,
    )
    with context().project.database.write() as session:
        outcome = confirm(session, labeller_id(), confirmation)
    return ConfirmAnswer(
        submission=outcome.key,
        code=outcome.code,
        name=outcome.name,
        answered=outcome.answered,
        opinions=outcome.opinions,
        excluded=outcome.excluded,
    )


@people.post("/api/v1/people/undo")
@spec.validate(resp=answers(HTTP_200=PeopleUndoAnswer, problems=(404, 409)), tags=["people"])
def undo_change(json: PeopleUndoRequest) -> PeopleUndoAnswer:
    """Undo a confirmed set, a renaming or a merge."""
    with context().project.database.write() as session:
        target, images = undo_people_change(session, labeller_id(), idempotency_key(), json.submission)
        return PeopleUndoAnswer(submission=target.key, kind=target.kind, images=images)


@people.get("/api/v1/people")
@spec.validate(resp=answers(HTTP_200=PeopleOut, problems=(400,)), tags=["people"])
def index(query: PeopleQuery) -> PeopleOut:
    """The people, sorted by name."""
    with context().project.database.read() as session:
        listed, following = list_people(session, search=query.search, after=query.after, limit=query.limit)
        return PeopleOut(people=[PersonOut(**person_fields(person)) for person in listed], next=following)


@people.get("/api/v1/people/names")
@spec.validate(resp=answers(HTTP_200=NamesOut, problems=(400,)), tags=["people"])
def names(query: NamesQuery) -> NamesOut:
    """The names that contain a text."""
    with context().project.database.read() as session:
        return NamesOut(names=complete_name(session, query.search, query.limit))


@people.get("/api/v1/people/<int:code>")
@spec.validate(resp=answers(HTTP_200=PersonDetailOut, problems=(400, 404)), tags=["people"])
def show_person(code: int) -> PersonDetailOut:
    """One person: faces, the people who look most like them, history."""
    project = context().project
    with project.database.read() as session:
        attribute_id, _ = identity_attribute(session)
        person = get_person(session, code)
        [listed] = describe_people(session, attribute_id, {person.code: person.name})
        return PersonDetailOut(
            **person_fields(listed),
            faces=[face_out(face) for face in faces_of_person(session, attribute_id, code, FACES_OF_PERSON)],
            resembling=resembled_out(session, attribute_id, resembling(project, session, code)),
            history=[ChangedOut.model_validate(change) for change in history_of(session, attribute_id, code)],
        )


@people.post("/api/v1/people/rename")
@spec.validate(resp=answers(HTTP_200=PersonChangedAnswer, problems=(404, 409)), tags=["people"])
def rename_person(json: RenameRequest) -> PersonChangedAnswer:
    """Rename a person; the code stays. Repeating a key changes nothing."""
    key = idempotency_key()
    with context().project.database.write() as session:
        person = rename(session, labeller_id(), key, json.code, json.name)
        return PersonChangedAnswer(submission=key, code=person.code, name=person.name, images=0)


@people.post("/api/v1/people/merge")
@spec.validate(resp=answers(HTTP_200=PersonChangedAnswer, problems=(404, 409)), tags=["people"])
def merge_people(json: MergeRequest) -> PersonChangedAnswer:
    """Merge the person `code` into the person `into`, and retire `code`. Repeating a key changes nothing."""
    key = idempotency_key()
    with context().project.database.write() as session:
        images = merge(session, labeller_id(), key, json.code, json.into)
        person = get_person(session, json.into)
        return PersonChangedAnswer(submission=key, code=person.code, name=person.name, images=images)
