"""What an erasure is about: the images, the photos they were cut from, the names. It is kept until the files are gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.errors import NotFound, WrongUse
from annotator.formats.snapshot.removal import Erased
from annotator.models import Image, ImageAlias, Label, PersonChange, ValueRow
from annotator.services.importing.image_paths import known_paths
from annotator.services.people.face_sets import identity_attribute
from annotator.services.schema.open_values import UNKNOWN_PERSON

What = Literal["images", "person", "name"]
"""`images`: chosen images; `person`: all images of a person, and the name; `name`: only a person's name and descriptors."""

_CHUNK = 500


@dataclass(frozen=True)
class Request:
    """What somebody wants to erase.

    Args:
        what: see `What`.
        images: ids of images, for `images`.
        person: the code of a person, for the others.
        copies: also delete the project's snapshots and exports that hold it.
    """

    what: What
    images: tuple[int, ...] = ()
    person: int | None = None
    copies: bool = False


@dataclass(frozen=True)
class Scope:
    """What is erased. It is stored as JSON in the journal.

    Args:
        what: see `What`.
        ids: ids of the images that go.
        sha256: their hashes, in the same order.
        photos: hashes of the photos that go with them.
        shared_photos: hashes of photos that stay, because other images were cut from them.
        names: names and paths of the images, and names of the person.
        people: (attribute, code, new name) of people whose names go.
        faces: ids of images that stay and lose the descriptors of their faces.
        since: the time from which exports may hold it, in ISO 8601.
        copies: as in `Request`.
    """

    what: What
    ids: tuple[int, ...] = ()
    sha256: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()
    shared_photos: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    people: tuple[tuple[str, int, str], ...] = ()
    faces: tuple[int, ...] = ()
    since: str | None = None
    copies: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def of_json(cls, values: dict[str, Any]) -> Scope:
        """Read what `as_json` gave."""
        lists = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        people = tuple((attribute, code, name) for attribute, code, name in values["people"])
        return cls(**lists | {"people": people})

    @property
    def hashes(self) -> frozenset[str]:
        """The hashes of everything that goes."""
        return frozenset((*self.sha256, *self.photos))

    @property
    def erased(self) -> Erased:
        """What the folders of rounds shall no longer hold."""
        people = {(attribute, code): name for attribute, code, name in self.people}
        return Erased(frozenset(self.sha256), people)


@dataclass
class _Found:
    ids: list[int] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)
    photos: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    since: Any = None


def scope_of(session: Session, request: Request) -> Scope:
    """Find what a request is about.

    Raises:
        NotFound: if there is no such image or person.
        WrongUse: if the request names nothing, or a fixed answer instead of a person.
    """
    if request.what == "images":
        return _of_images(session, request.images, request.copies)
    if request.person is None:
        raise WrongUse("no_person", "The request names no person.", do="Send the code of a person.")
    attribute_id, attribute = identity_attribute(session)
    codes = _with_merged(session, attribute_id, request.person)
    rows = session.scalars(
        select(ValueRow).where(ValueRow.attribute_id == attribute_id, ValueRow.code.in_(codes))
    ).all()
    people = tuple((attribute, row.code, forgotten_name(row.code)) for row in rows)
    names = {row.name for row in rows} | _former_names(session, attribute_id, codes)
    names -= {forgotten_name(code) for code in codes}
    labelled = select(Label.image_id).where(Label.attribute_id == attribute_id, Label.code.in_(codes))
    images = tuple(sorted(session.scalars(labelled)))
    if request.what == "person":
        scope = (
            _of_images(session, images, request.copies) if images else Scope("person", copies=request.copies)
        )
        values = scope.as_json() | {
            "what": "person",
            "people": people,
            "names": (*scope.names, *sorted(names)),
        }
        return Scope.of_json(values)
    since = session.scalar(select(func.min(Image.created_at)).where(Image.id.in_(labelled)))
    return Scope(
        "name",
        names=tuple(sorted(names)),
        people=people,
        faces=images,
        since=since.isoformat() if since else None,
        copies=request.copies,
    )


def find_images(session: Session, names: Sequence[str]) -> tuple[int, ...]:
    """Return the ids of images by their names, other names or hashes.

    Raises:
        NotFound: if the project has no such image.
    """
    ids = []
    for name in names:
        number = session.scalar(select(Image.id).where((Image.name == name) | (Image.sha256 == name)))
        number = number or session.scalar(select(ImageAlias.image_id).where(ImageAlias.name == name))
        if number is None:
            raise NotFound(
                "unknown_image", f"The project has no image {name!r}.", do="Look at the page Browse."
            )
        ids.append(number)
    return tuple(dict.fromkeys(ids))


def find_person(session: Session, name: str) -> int:
    """Return the code of a person by name.

    Raises:
        NotFound: if nobody has this name.
    """
    attribute_id, _ = identity_attribute(session)
    query = select(ValueRow.code, ValueRow.merged_into).where(
        ValueRow.attribute_id == attribute_id, ValueRow.name == name
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("unknown_person", f"Nobody is named {name!r}.", do="Look at the page People.")
    code, merged_into = row
    return int(merged_into if merged_into is not None else code)


def forgotten_name(code: int) -> str:
    """The name that a person has after theirs was erased."""
    return f"forgotten {code}"


def _of_images(session: Session, ids: Collection[int], copies: bool) -> Scope:
    if not ids:
        raise WrongUse("no_image", "The request names no image.", do="Send the ids of images.")
    found = _Found()
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), _CHUNK):
        _look_up(session, wanted[start : start + _CHUNK], found)
    if missing := set(wanted) - set(found.ids):
        what = f"There is no image {min(missing)}."
        raise NotFound("unknown_image", what, do="It may have been erased before; look at the page Browse.")
    shared = _needed_by_others(session, found)
    return Scope(
        "images",
        ids=tuple(found.ids),
        sha256=tuple(found.sha256),
        photos=tuple(sorted(found.photos - shared)),
        shared_photos=tuple(sorted(shared)),
        names=tuple(sorted(found.names)),
        since=found.since.isoformat(),
        copies=copies,
    )


def _look_up(session: Session, ids: list[int], found: _Found) -> None:
    rows = session.execute(
        select(
            Image.id, Image.sha256, Image.photo_sha256, Image.name, Image.source, Image.original_path,
            Image.created_at,
        ).where(Image.id.in_(ids)).order_by(Image.id)
    ).all()  # fmt: skip
    for row in rows:
        found.ids.append(row.id)
        found.sha256.append(row.sha256)
        found.names.add(row.name)
        if row.photo_sha256:
            found.photos.add(row.photo_sha256)
        found.since = min(found.since or row.created_at, row.created_at)
    found.names |= set(session.scalars(select(ImageAlias.name).where(ImageAlias.image_id.in_(ids))))
    paths = {row.original_path for row in rows}
    others = select(Image.original_path).where(Image.original_path.in_(paths), Image.id.not_in(ids))
    own = paths - set(session.scalars(others))  # a video or a photo is the origin of several images
    found.names |= own
    for row in rows:
        if row.original_path in own:
            found.names.update(known_paths(row.source, row.name, row.original_path))


def _needed_by_others(session: Session, found: _Found) -> set[str]:
    """The photos, also those that are images themselves, that other images were cut from."""
    photos, ids, needed = sorted(found.photos | set(found.sha256)), set(found.ids), set[str]()
    for start in range(0, len(photos), _CHUNK):
        some = photos[start : start + _CHUNK]
        cut = session.execute(select(Image.id, Image.photo_sha256).where(Image.photo_sha256.in_(some)))
        needed |= {str(photo) for number, photo in cut if number not in ids}
    return needed


def _with_merged(session: Session, attribute_id: int, code: int) -> list[int]:
    """A person's code and those of the people who were merged into them.

    Raises:
        NotFound: if there is no such person.
        WrongUse: if it is the fixed answer for unknown people.
    """
    row = session.get(ValueRow, (attribute_id, code))
    if row is None:
        raise NotFound(
            "unknown_person", f"There is no person with the code {code}.", do="Search for the name."
        )
    if row.name == UNKNOWN_PERSON:
        raise WrongUse(
            "not_a_person", f"“{UNKNOWN_PERSON}” is a fixed answer, not a person.", do="Choose a person."
        )
    codes, new = [code], [code]
    while new:
        merged = ValueRow.attribute_id == attribute_id, ValueRow.merged_into.in_(new)
        new = [c for c in session.scalars(select(ValueRow.code).where(*merged)) if c not in codes]
        codes += new
    return codes


def _former_names(session: Session, attribute_id: int, codes: list[int]) -> set[str]:
    query = select(PersonChange.before, PersonChange.after, PersonChange.into).where(
        PersonChange.attribute_id == attribute_id, PersonChange.code.in_(codes)
    )
    names = set[str]()
    for before, after, into in session.execute(query):
        names.add(before)
        if into is None or into in codes:
            names.add(after)
    return names
