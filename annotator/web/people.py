"""The people page and its API: sets of faces to confirm, the people, their names and merges."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BaseModel, Field, StrictBool, StrictInt, StrictStr
from spectree import Response
from sqlalchemy.orm import Session

from annotator.services.people_answers import Confirmation, confirm
from annotator.services.people_changes import (
    Changed,
    get_person,
    history_of,
    merge,
    rename,
    undo_about_people,
)
from annotator.services.people_list import (
    FaceCard,
    Listed,
    complete_name,
    describe_people,
    face_cards,
    faces_of_person,
    list_people,
)
from annotator.services.people_sets import (
    FaceSet,
    Resembled,
    find_sets,
    identity_attribute,
    resembling,
)
from annotator.services.schema_in_force import schema_in_force
from annotator.web.context import context, idempotency_key, labeller_id
from annotator.web.contracts import MAX_ID, Key, ProblemAnswer, Request, spec
from annotator.web.flags import iso
from annotator.web.pages import render_page

people = Blueprint("people", __name__)

ImageId = Annotated[StrictInt, Field(ge=0, le=MAX_ID)]
PersonCode = Annotated[StrictInt, Field(ge=0, le=MAX_ID)]
FACES_OF_PERSON = 48
MAX_CONFIRMED = 200


class SetsRequest(Request):
    """Ask for sets; `without`: images that were skipped, `holding`: images that are on the screen or on their way here.

    `showing`: the set on the screen, of which the nearest people are told anew.
    """

    count: int = Field(2, ge=0, le=10)
    showing: list[ImageId] = Field(default=[], max_length=MAX_CONFIRMED)
    holding: list[ImageId] = Field(default=[], max_length=1000)
    without: list[ImageId] = Field(default=[], max_length=5000)


class FaceOut(BaseModel):
    """An image and the box of its largest face (left, top, right, bottom) in pixels of the upright image.

    `turn`: degrees clockwise after which the face is upright.
    """

    image_id: int
    image_name: str
    image_url: str
    width: int
    height: int
    box: tuple[int, int, int, int] | None
    turn: int


class FaceInSetOut(FaceOut):
    """A face of a set; `distance` from the others, or from the person that the set is proposed as."""

    distance: float


class PersonOut(BaseModel):
    """A person, the number of their images, and one of their faces."""

    code: int
    name: str
    images: int
    face: FaceOut | None


class ResembledOut(PersonOut):
    """A named person; `distance`: below 0.6 it may well be the same person."""

    distance: float


class FaceSetOut(BaseModel):
    """Faces thought to be of one person, the least certain first.

    `size`: how many faces there are with those that come later. `proposed`: the set is thought to be of the first of
    `people`, who are the nearest ones.
    """

    faces: list[FaceInSetOut]
    size: int
    proposed: bool
    people: list[ResembledOut]


class SetsAnswer(BaseModel):
    """Sets, the largest first. `computing`: faces are being compared; ask again. `described`: faces that can be compared.

    `people`, `proposed`: of the set that is `showing`.
    """

    attribute: str
    sets: list[FaceSetOut]
    people: list[ResembledOut]
    proposed: bool
    computing: bool
    unnamed: int
    described: int


class ConfirmRequest(Request):
    """Who is in `images`: a code, a name (a new one adds a person), or null for a new person with a number as name.

    The other images of the set: `exceptions` are not this person, in `unsure` nobody can tell who it is, in `unknown`
    is none of the people looked for. `accepted`: the person was suggested.
    """

    person: PersonCode | StrictStr | None
    images: list[ImageId] = Field(default=[], max_length=MAX_CONFIRMED)
    exceptions: list[ImageId] = Field(default=[], max_length=MAX_CONFIRMED)
    unsure: list[ImageId] = Field(default=[], max_length=MAX_CONFIRMED)
    unknown: list[ImageId] = Field(default=[], max_length=MAX_CONFIRMED)
    accepted: StrictBool = False
    milliseconds: Annotated[StrictInt, Field(ge=0, le=2**31)] | None = None


class ConfirmAnswer(BaseModel):
    """What was kept; `opinions`: images that had somebody else's answer, which stands."""

    submission: str
    code: int | None
    name: str | None
    answered: int
    opinions: list[int]


class PeopleUndoRequest(Request):
    """Take back a set, a new name or a merge; without `submission` the last one."""

    submission: Key | None = None


class PeopleUndoAnswer(BaseModel):
    """What was taken back, and the images it was about."""

    submission: str
    kind: Literal["people", "rename", "merge"]
    images: list[int]


class PeopleQuery(Request):
    """People by name; `search`: what the name holds; `after`: the `next` of the answer before."""

    search: Annotated[str, Field(max_length=200)] = ""
    after: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 60


class PeopleOut(BaseModel):
    """People by name; `next` is null at the end."""

    people: list[PersonOut]
    next: str | None


class NamesQuery(Request):
    """Names that hold a text."""

    search: Annotated[str, Field(min_length=1, max_length=200)]
    limit: Annotated[int, Field(ge=1, le=60)] = 12


class NamesOut(BaseModel):
    """Names, those that begin with the text first."""

    names: list[str]


class ChangedOut(BaseModel):
    """A new name (`before` → `after`), or a merge of the person `code` (`before`) into `into` (`after`)."""

    code: int
    before: str
    after: str
    into: int | None
    labeller: str
    created_at: str
    undone: bool


class PersonDetailOut(PersonOut):
    """A person with the first of their faces, the people nearest to them, and their history, the newest first."""

    faces: list[FaceOut]
    resembling: list[ResembledOut]
    history: list[ChangedOut]


class RenameRequest(Request):
    """A person's new name."""

    code: PersonCode
    name: Annotated[StrictStr, Field(min_length=1, max_length=200)]


class MergeRequest(Request):
    """The person `code` is the person `into`."""

    code: PersonCode
    into: PersonCode


class PersonChangedAnswer(BaseModel):
    """The person as they are now; `images`: of a merge how many images changed."""

    submission: str
    code: int
    name: str
    images: int


@people.get("/people")
def people_page() -> str:
    """The people page."""
    return render_page("people")


@people.get("/people/all")
def list_page() -> str:
    """All people: their names, merges, history."""
    with context().project.database.read() as session:
        identity = schema_in_force(session).identity
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
            sets=[_set(session, attribute_id, one) for one in found.sets],
            people=_resembled(session, attribute_id, found.people),
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
        target, images = undo_about_people(session, labeller_id(), idempotency_key(), json.submission)
        return PeopleUndoAnswer(submission=target.key, kind=target.kind, images=images)


@people.get("/api/v1/people")
@spec.validate(
    resp=Response(HTTP_200=PeopleOut, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer), tags=["people"]
)
def index(query: PeopleQuery) -> PeopleOut:
    """The people by name."""
    with context().project.database.read() as session:
        found, more = list_people(session, search=query.search, after=query.after, limit=query.limit)
        return PeopleOut(people=[PersonOut(**_person(one)) for one in found], next=more)


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
            **_person(listed),
            faces=[_face(c) for c in faces_of_person(session, attribute_id, code, FACES_OF_PERSON)],
            resembling=_resembled(session, attribute_id, resembling(project, session, code)),
            history=[_changed(change) for change in history_of(session, attribute_id, code)],
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


def _set(session: Session, attribute_id: int, one: FaceSet) -> FaceSetOut:
    cards = face_cards(session, one.images)
    faces = [
        FaceInSetOut(**_face(cards[image]).model_dump(), distance=distance)
        for image, distance in zip(one.images, one.distances, strict=True)
    ]
    nearest = _resembled(session, attribute_id, one.people)
    return FaceSetOut(faces=faces, size=one.size, proposed=one.proposed, people=nearest)


def _resembled(session: Session, attribute_id: int, found: list[Resembled]) -> list[ResembledOut]:
    listed = describe_people(session, attribute_id, {person.code: person.name for person in found})
    return [
        ResembledOut(**_person(one), distance=person.distance)
        for one, person in zip(listed, found, strict=True)
    ]


def _person(one: Listed) -> dict[str, object]:
    face = _face(one.face) if one.face is not None else None
    return {"code": one.code, "name": one.name, "images": one.images, "face": face}


def _face(card: FaceCard) -> FaceOut:
    return FaceOut(
        image_id=card.image.id,
        image_name=card.image.name,
        image_url=f"/media/{card.image.sha256}.jpg",
        width=card.image.width,
        height=card.image.height,
        box=card.box,
        turn=card.turn,
    )


def _changed(change: Changed) -> ChangedOut:
    return ChangedOut(
        code=change.code,
        before=change.before,
        after=change.after,
        into=change.into,
        labeller=change.labeller,
        created_at=iso(change.created_at) or "",
        undone=change.undone,
    )
