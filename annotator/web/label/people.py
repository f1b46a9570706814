"""The people page and its API: sets of faces to confirm, the people, their names and merges."""

from __future__ import annotations

from flask import Blueprint
from spectree import Response

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
from annotator.web.http.contracts import ProblemAnswer, spec
from annotator.web.http.pages import render_page
from annotator.web.label.people_contracts import (
    FACES_OF_PERSON,
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
    changed_out,
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
    """All people: their names, merges, history."""
    with context().project.database.read() as session:
        identity = active_schema(session).identity
    return render_page("people_list", active="people", attribute=identity[1] if identity else "")


@people.post("/api/v1/people/sets")
@spec.validate(
    resp=Response(HTTP_200=SetsAnswer, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer), tags=["people"]
)
def next_sets(json: SetsRequest) -> SetsAnswer:
    """The next sets of faces that look like one person; nobody else is given them for two minutes."""
    project = context().project
    with project.database.read() as session:
        attribute_id, attribute = identity_attribute(session)
        found = find_sets(
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
            sets=[set_out(session, attribute_id, one) for one in found.sets],
            people=resembled_out(session, attribute_id, found.people),
            proposed=found.proposed,
            computing=found.computing,
            unnamed=found.unnamed,
            described=found.described,
        )


@people.post("/api/v1/people/confirm")
@spec.validate(
    resp=Response(
        HTTP_200=ConfirmAnswer,
        HTTP_400=ProblemAnswer,
        HTTP_403=ProblemAnswer,
        HTTP_404=ProblemAnswer,
        HTTP_409=ProblemAnswer,
    ),
    tags=["people"],
)
def confirm_set(json: ConfirmRequest) -> ConfirmAnswer:
    """Keep who is in the images of a set, all or none. Repeating a key changes nothing."""
    given = Confirmation(
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
        kept = confirm(session, labeller_id(), given)
    return ConfirmAnswer(
        submission=kept.key, code=kept.code, name=kept.name, answered=kept.answered, opinions=kept.opinions
    )


@people.post("/api/v1/people/undo")
@spec.validate(
    resp=Response(
        HTTP_200=PeopleUndoAnswer,
        HTTP_400=ProblemAnswer,
        HTTP_403=ProblemAnswer,
        HTTP_404=ProblemAnswer,
        HTTP_409=ProblemAnswer,
    ),
    tags=["people"],
)
def take_people_back(json: PeopleUndoRequest) -> PeopleUndoAnswer:
    """Take a set, a new name or a merge back."""
    with context().project.database.write() as session:
        target, images = undo_people_change(session, labeller_id(), idempotency_key(), json.submission)
        return PeopleUndoAnswer(submission=target.key, kind=target.kind, images=images)


@people.get("/api/v1/people")
@spec.validate(
    resp=Response(HTTP_200=PeopleOut, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer), tags=["people"]
)
def index(query: PeopleQuery) -> PeopleOut:
    """The people by name."""
    with context().project.database.read() as session:
        found, more = list_people(session, search=query.search, after=query.after, limit=query.limit)
        return PeopleOut(people=[PersonOut(**person_fields(one)) for one in found], next=more)


@people.get("/api/v1/people/names")
@spec.validate(
    resp=Response(HTTP_200=NamesOut, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer), tags=["people"]
)
def names(query: NamesQuery) -> NamesOut:
    """The names that hold what somebody types."""
    with context().project.database.read() as session:
        return NamesOut(names=complete_name(session, query.search, query.limit))


@people.get("/api/v1/people/<int:code>")
@spec.validate(
    resp=Response(
        HTTP_200=PersonDetailOut, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer, HTTP_404=ProblemAnswer
    ),
    tags=["people"],
)
def show_person(code: int) -> PersonDetailOut:
    """One person: faces, the nearest people, history."""
    project = context().project
    with project.database.read() as session:
        attribute_id, _ = identity_attribute(session)
        person = get_person(session, code)
        [listed] = describe_people(session, attribute_id, {person.code: person.name})
        return PersonDetailOut(
            **person_fields(listed),
            faces=[face_out(c) for c in faces_of_person(session, attribute_id, code, FACES_OF_PERSON)],
            resembling=resembled_out(session, attribute_id, resembling(project, session, code)),
            history=[changed_out(change) for change in history_of(session, attribute_id, code)],
        )


@people.post("/api/v1/people/rename")
@spec.validate(
    resp=Response(
        HTTP_200=PersonChangedAnswer,
        HTTP_400=ProblemAnswer,
        HTTP_403=ProblemAnswer,
        HTTP_404=ProblemAnswer,
        HTTP_409=ProblemAnswer,
    ),
    tags=["people"],
)
def rename_person(json: RenameRequest) -> PersonChangedAnswer:
    """Give a person another name; the code stays. Repeating a key changes nothing."""
    key = idempotency_key()
    with context().project.database.write() as session:
        person = rename(session, labeller_id(), key, json.code, json.name)
        return PersonChangedAnswer(submission=key, code=person.code, name=person.name, images=0)


@people.post("/api/v1/people/merge")
@spec.validate(
    resp=Response(
        HTTP_200=PersonChangedAnswer,
        HTTP_400=ProblemAnswer,
        HTTP_403=ProblemAnswer,
        HTTP_404=ProblemAnswer,
        HTTP_409=ProblemAnswer,
    ),
    tags=["people"],
)
def merge_people(json: MergeRequest) -> PersonChangedAnswer:
    """Two people are one; the first one's code is retired. Repeating a key changes nothing."""
    key = idempotency_key()
    with context().project.database.write() as session:
        images = merge(session, labeller_id(), key, json.code, json.into)
        person = get_person(session, json.into)
        return PersonChangedAnswer(submission=key, code=person.code, name=person.name, images=images)
