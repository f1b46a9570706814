"""The requests and answers of the people's API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool, StrictStr

from annotator.database import Session
from annotator.services.people.directory import FaceCard, PersonSummary, describe_people, face_cards
from annotator.services.people.face_sets import FaceSet, SimilarPerson
from annotator.web.http.contracts import Answer, Id, Key, Milliseconds, Request, UtcTime
from annotator.web.http.media import media_url, thumbnail_url

FACES_OF_PERSON = 48
MAX_CONFIRMED = 200


class SetsRequest(Request):
    """Ask for sets of faces. `without`: images that were skipped; `holding`: images on the screen or being loaded.

    `showing`: the set on the screen; the answer lists its nearest people again.
    """

    count: int = Field(2, ge=0, le=10)
    showing: list[Id] = Field(default=[], max_length=MAX_CONFIRMED)
    holding: list[Id] = Field(default=[], max_length=1000)
    without: list[Id] = Field(default=[], max_length=5000)


class FaceOut(BaseModel):
    """An image and the box of its largest face (left, top, right, bottom) in pixels of the upright image.

    `turn`: by how many degrees clockwise to turn the image so that the face is upright. `thumbnail_url`: the head, upright; null if
    `image_url` shows it well enough.
    """

    image_id: int
    image_name: str
    image_url: str
    thumbnail_url: str | None
    width: int
    height: int
    box: tuple[int, int, int, int] | None
    turn: int


class FaceInSetOut(FaceOut):
    """A face of a set; `distance`: from the other faces, or from the person that is proposed for the set."""

    distance: float


class PersonOut(BaseModel):
    """A person, the number of their images, and one of their faces."""

    code: int
    name: str
    images: int
    face: FaceOut | None


class ResembledOut(PersonOut):
    """A named person who looks similar; a `distance` below 0.6 often means the same person."""

    distance: float


class FaceSetOut(BaseModel):
    """Faces that probably show one person, least certain first.

    `size`: the number of faces in the whole set, including those that follow later. `people`: the nearest named people.
    `proposed`: the set probably shows the first of them.
    """

    faces: list[FaceInSetOut]
    size: int
    proposed: bool
    people: list[ResembledOut]


class SetsAnswer(BaseModel):
    """Sets of faces, largest first. `computing`: faces are being compared, so ask again. `described`: faces that can be compared.

    `people` and `proposed` are about the set in `showing`.
    """

    attribute: str
    sets: list[FaceSetOut]
    people: list[ResembledOut]
    proposed: bool
    computing: bool
    unnamed: int
    described: int


class ConfirmRequest(Request):
    """Who is in `images`: a code, a name (a new name adds a person), or null for a new person with a number as name.

    The other images of the set: `exceptions` show somebody else; in `unsure` nobody can tell who it is; `unknown` show somebody
    who is not one of the people looked for. `accepted`: the person was suggested.
    """

    person: Id | StrictStr | None
    images: list[Id] = Field(default=[], max_length=MAX_CONFIRMED)
    exceptions: list[Id] = Field(default=[], max_length=MAX_CONFIRMED)
    unsure: list[Id] = Field(default=[], max_length=MAX_CONFIRMED)
    unknown: list[Id] = Field(default=[], max_length=MAX_CONFIRMED)
    accepted: StrictBool = False
    milliseconds: Milliseconds | None = None


class ConfirmAnswer(BaseModel):
    """What was stored; `opinions`: images that keep somebody else's answer as their label.

    `excluded`: images that somebody excluded meanwhile; their answers count if they are restored.
    """

    submission: str
    code: int | None
    name: str | None
    answered: int
    opinions: list[int]
    excluded: list[int]


class PeopleUndoRequest(Request):
    """Undo a set, a renaming or a merge: `submission`, or the last one without it."""

    submission: Key | None = None


class PeopleUndoAnswer(BaseModel):
    """What was undone, and the images concerned."""

    submission: str
    kind: Literal["people", "rename", "merge", "split"]
    images: list[int]


class PeopleQuery(Request):
    """List people by name. `search`: a text that the name contains; `after`: the `next` of the previous answer."""

    search: Annotated[str, Field(max_length=200)] = ""
    after: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 60


class PeopleOut(BaseModel):
    """People by name; `next` is null on the last page."""

    people: list[PersonOut]
    next: str | None


class NamesQuery(Request):
    """Search for names that contain a text."""

    search: Annotated[str, Field(min_length=1, max_length=200)]
    limit: Annotated[int, Field(ge=1, le=60)] = 12


class NamesOut(BaseModel):
    """Names; those that begin with the text come first."""

    names: list[str]


class ChangedOut(Answer):
    """A renaming (`before` → `after`), or a merge of the person `code` (`before`) into `into` (`after`)."""

    code: int
    before: str
    after: str
    into: int | None
    labeller: str
    created_at: UtcTime
    undone: bool


class PersonDetailOut(PersonOut):
    """A person with their first faces, the people who look most similar, and their history, newest first."""

    faces: list[FaceOut]
    resembling: list[ResembledOut]
    history: list[ChangedOut]


class RenameRequest(Request):
    """A person's new name."""

    code: Id
    name: Annotated[StrictStr, Field(min_length=1, max_length=200)]


class MergeRequest(Request):
    """The person `code` is the person `into`."""

    code: Id
    into: Id


class SplitRequest(Request):
    """Images of the person `code` that show somebody else.

    `name`: who it is, null for a new person with a number as name. `unname`: the faces are unnamed again; `name` is not used.
    """

    code: Id
    images: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    name: Annotated[StrictStr, Field(min_length=1, max_length=200)] | None = None
    unname: StrictBool = False


class NamingOut(BaseModel):
    """A set that the labeller confirmed. `name`: of its person; null if it named nobody."""

    submission: str
    created_at: UtcTime
    name: str | None
    images: int
    undone: bool


class NamingsOut(BaseModel):
    """The last 50 sets of the labeller, newest first."""

    namings: list[NamingOut]


class NamingsUndone(BaseModel):
    """What an undo of a run of names did. `opened`: faces that are unnamed again; `restored`: with their earlier name."""

    submission: str
    sets: int
    opened: int
    restored: int


class NamingsUndoRequest(Request):
    """The key of a set, or of the undo of a run of sets."""

    submission: Key


class PersonChangedAnswer(BaseModel):
    """The person after the change; `images`: how many images a merge changed."""

    submission: str
    code: int
    name: str
    images: int


def set_out(session: Session, attribute_id: int, one: FaceSet) -> FaceSetOut:
    """Convert a set of faces with the people whom it resembles."""
    cards = face_cards(session, one.images)
    faces = [
        FaceInSetOut(**face_out(cards[image]).model_dump(), distance=distance)
        for image, distance in zip(one.images, one.distances, strict=True)
    ]
    nearest = resembled_out(session, attribute_id, one.people)
    return FaceSetOut(faces=faces, size=one.size, proposed=one.proposed, people=nearest)


def resembled_out(session: Session, attribute_id: int, people: list[SimilarPerson]) -> list[ResembledOut]:
    """Convert people with their distances."""
    listed = describe_people(session, attribute_id, {person.code: person.name for person in people})
    return [
        ResembledOut(**person_fields(one), distance=person.distance)
        for one, person in zip(listed, people, strict=True)
    ]


def person_fields(one: PersonSummary) -> dict[str, object]:
    """The fields that every answer about a person has."""
    face = face_out(one.face) if one.face is not None else None
    return {"code": one.code, "name": one.name, "images": one.images, "face": face}


def face_out(card: FaceCard) -> FaceOut:
    """Convert a face."""
    return FaceOut(
        image_id=card.image.id,
        image_name=card.image.name,
        image_url=media_url(card.image.sha256),
        thumbnail_url=thumbnail_url(card.image.sha256, card.thumbnail),
        width=card.image.width,
        height=card.image.height,
        box=card.box,
        turn=card.turn,
    )
