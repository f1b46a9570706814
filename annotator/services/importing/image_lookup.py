"""Finding the images of the project that a label file names: the one place that decides which image a name means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.models import Image, ImageAlias
from annotator.services.importing.image_paths import Match, clean_path, known_paths, match_names

_RENAMED = re.compile(r"~[0-9a-f]{8}(?=\.[^./]*$|$)")
"""What an image's name has before its ending if another image has the name itself, see `image_rows`."""


class _Known(NamedTuple):
    """An image: its id, its name, and the paths at which it was found, each with the folder that was imported."""

    image: int
    name: str
    paths: list[str]


class ImageLookup:
    """The images of a project that the rows of a label file mean.

    An image that came with the file goes before all others. Then the image with exactly that name counts, unless another
    image had that name where it came from. Otherwise the paths of all images decide, see `image_paths`.

    Args:
        session: a session.
        names: every name in the file.
        hashes: SHA-256 of images by their name in the source, if it tells: these names mean the images with these bytes.
        more_names: names in the file that have no row. They show whether it uses the project's own names.
    """

    def __init__(
        self,
        session: Session,
        names: Iterable[str],
        hashes: Mapping[str, str],
        more_names: Iterable[str] = (),
    ) -> None:
        names = dict.fromkeys(names)
        known = _known_images(session)
        self._names = {image: name for image, name, _ in known}
        self._matches = _match_hashes(session, names, hashes)
        with_source = {match.images[0] for match in self._matches.values() if match.images}
        if hashes:
            with_source |= set(_ids_by_hash(session, hashes.values()).values())
        paths = [(path, image) for image, _, its_paths in known for path in its_paths]
        if with_source:
            own_paths = [(path, image) for path, image in paths if image in with_source]
            self._add(match_names(self._open(names), own_paths))
        self._add(_match_exactly(self._open(names), {*names, *more_names}, known))
        self._add(match_names(self._open(names), paths), final=True)

    def find(self, name: str) -> Match:
        """Return the images that a name of the file may mean."""
        return self._matches[name]

    def name_of(self, image_id: int) -> str:
        """Return the name of an image."""
        return self._names[image_id]

    def _open(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name not in self._matches]

    def _add(self, matches: Mapping[str, Match], *, final: bool = False) -> None:
        self._matches |= {name: match for name, match in matches.items() if final or match.images}


def _known_images(session: Session) -> list[_Known]:
    """All images with their paths."""
    query = select(Image.id, Image.name, Image.source, Image.original_path)
    known = {
        image: _Known(image, name, known_paths(source, name, original_path))
        for image, name, source, original_path in session.execute(query)
    }
    for name, image in session.execute(select(ImageAlias.name, ImageAlias.image_id)):
        known[image].paths.append(clean_path(name))
    for paths in (entry.paths for entry in known.values() if len(entry.paths) > 1):
        paths[:] = [path for path in paths if not _is_end_of_another(path, paths)]
    return list(known.values())


def _is_end_of_another(path: str, paths: list[str]) -> bool:
    return any(other.endswith(f"/{path}") for other in paths)


def _match_hashes(session: Session, names: Iterable[str], hashes: Mapping[str, str]) -> dict[str, Match]:
    """The images of the names whose bytes the source tells. Other bytes are another image, whatever its name."""
    told = {name: hashes[name] for name in names if name in hashes}
    ids = _ids_by_hash(session, told.values())
    return {name: Match((ids[sha256],) if sha256 in ids else ()) for name, sha256 in told.items()}


def _ids_by_hash(session: Session, hashes: Iterable[str]) -> dict[str, int]:
    wanted = set(hashes)
    if not wanted:
        return {}
    rows = session.execute(select(Image.sha256, Image.id))
    return {sha256: image for sha256, image in rows if sha256 in wanted}


def _match_exactly(names: Iterable[str], all_names: set[str], known: list[_Known]) -> dict[str, Match]:
    """The images that are called so here.

    Several images may have had one name where they came from, and only one of them has it here. The name then means
    any of them, unless the file also uses a name that another of them got here, and so speaks of the project's names.
    """
    by_name = {image.name: image for image in known}
    exact = {name: by_name.get(name) or by_name.get(clean_path(name)) for name in names}
    called_so: dict[str, dict[int, _Known]] = {}
    names_here = {image.name: image.image for image in exact.values() if image}
    for entry in known:
        own = _RENAMED.sub("", entry.name) if "~" in entry.name else entry.name
        for name in (own, *entry.paths, *(path.partition("/")[2] for path in entry.paths)):
            if names_here.get(name, entry.image) != entry.image:
                called_so.setdefault(name, {})[entry.image] = entry
    matches: dict[str, Match] = {}
    for name, image in exact.items():
        if image is not None:
            others = called_so.get(image.name, {})
            is_clear = not others or any(other.name in all_names for other in others.values())
            matches[name] = Match((image.image, *(() if is_clear else others)))
    return matches
