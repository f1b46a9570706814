"""The requests and answers of the people's API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool, StrictInt, StrictStr
from sqlalchemy.orm import Session

from annotator.domain.timestamps import utc_text
from annotator.services.people.directory import FaceCard, PersonSummary, describe_people, face_cards
from annotator.services.people.face_sets import FaceSet, SimilarPerson
from annotator.services.people.rename_merge import PersonEvent
from annotator.web.http.contracts import MAX_ID, Key, Request

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


def set_out(session: Session, attribute_id: int, one: FaceSet) -> FaceSetOut:
    """A set of faces with the people they resemble."""
    cards = face_cards(session, one.images)
    faces = [
        FaceInSetOut(**face_out(cards[image]).model_dump(), distance=distance)
        for image, distance in zip(one.images, one.distances, strict=True)
    ]
    nearest = resembled_out(session, attribute_id, one.people)
    return FaceSetOut(faces=faces, size=one.size, proposed=one.proposed, people=nearest)


def resembled_out(session: Session, attribute_id: int, found: list[SimilarPerson]) -> list[ResembledOut]:
    """People with their distances, as the API tells them."""
    listed = describe_people(session, attribute_id, {person.code: person.name for person in found})
    return [
        ResembledOut(**person_fields(one), distance=person.distance)
        for one, person in zip(listed, found, strict=True)
    ]


def person_fields(one: PersonSummary) -> dict[str, object]:
    """What every answer about a person holds."""
    face = face_out(one.face) if one.face is not None else None
    return {"code": one.code, "name": one.name, "images": one.images, "face": face}


def face_out(card: FaceCard) -> FaceOut:
    """A face as the API tells it."""
    return FaceOut(
        image_id=card.image.id,
        image_name=card.image.name,
        image_url=f"/media/{card.image.sha256}.jpg",
        width=card.image.width,
        height=card.image.height,
        box=card.box,
        turn=card.turn,
    )


def changed_out(change: PersonEvent) -> ChangedOut:
    """A renaming or merge as the API tells it."""
    return ChangedOut(
        code=change.code,
        before=change.before,
        after=change.after,
        into=change.into,
        labeller=change.labeller,
        created_at=utc_text(change.created_at) or "",
        undone=change.undone,
    )
