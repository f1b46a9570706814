"""Matching the names that files give to images with the paths at which the images were found.

A name matches a path if the shorter of the two is the end of the longer one, compared folder by folder: `val/1.jpg` is
`fairface/val/1.jpg` and never `train/1.jpg`, and `1.jpg` may be in any folder. Names are compared as they are first, then in
Unicode's composed form (NFC), then without case, then without the ending of the file; the first comparison that matches
decides. Several images that match equally well are all returned, because only the user knows which one is meant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from annotator.formats.importers.ignored_files import ARCHIVE_ENDINGS, VIDEO_ENDINGS
from annotator.imaging.image_kinds import IMAGE_ENDINGS

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\\]*")
_DRIVE = re.compile(r"^[A-Za-z]:[/\\]")
_LOCAL_FILE = re.compile(r"/data/local-files/?\?(?:.*&)?d=([^&]*)")
_UPLOAD_FOLDER = re.compile(r"(?:.*/)?data/upload/(?:[0-9]+/)?([^/]+)")
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(.+)", re.DOTALL)
_NOT_IN_UPLOADS = re.compile(r"[^-\w./]")

_NOT_A_FOLDER = re.compile(r"upload-[0-9]{6}")
"""The source of an image that was uploaded on its own, see `uploads.upload_folder`."""

_VIDEO_SUFFIXES = frozenset(ending[1:] for ending in VIDEO_ENDINGS)

_ENDINGS = tuple(IMAGE_ENDINGS)
_NAMESAKES = 3

MOST_IMAGES = 8
"""The largest number of images that a match names."""

KnownPath = tuple[str, int]
"""A path at which an image was found, with `/` between its parts, and the image's id."""


class Match(NamedTuple):
    """The images that a name may mean: one, several that match equally well, or none.

    Args:
        images: their ids, of many the first `MOST_IMAGES`.
        namesakes: if there are none: paths whose file has that name in another folder, at most three.
    """

    images: tuple[int, ...] = ()
    namesakes: tuple[str, ...] = ()


_NO_MATCH = Match()


class _Readings(NamedTuple):
    """The paths that a name may stand for, in the order in which they are tried; those of uploads only after all others."""

    paths: list[str]
    uploads: list[str]


def clean_path(text: str) -> str:
    r"""Return a path with `/` between its parts, without drive, root, `.` and `..`: `C:\a\.\b.jpg` is `a/b.jpg`."""
    text = text.strip()
    if not _may_be_unclean(text):
        return text
    text = _DRIVE.sub("", text, count=1)
    parts: list[str] = []
    for part in text.replace("\\", "/").split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _may_be_unclean(text: str) -> bool:
    """Whether a path has one of the marks of what is cleaned. Hundreds of thousands are clean, and this is the fast test."""
    if not text or text[0] == "/" or text[-1] in "/.":
        return True
    return "\\" in text or ":" in text or "//" in text or "./" in text


def known_paths(source: str, name: str, original_path: str) -> list[str]:
    """Return the paths of an image with the folder that it was imported from: the original one, and its name if that differs.

    Args:
        source: the folder's name, or that of an archive, which counts without its ending.
        name: the image's name.
        original_path: its path in the source; of a frame the video, which says nothing about the frame.
    """
    if original_path[-5:].rpartition(".")[2].lower() in _VIDEO_SUFFIXES:
        return [clean_path(name)]
    path, clean_name = _in_source(source, original_path), clean_path(name)
    is_there = path.endswith(clean_name) and path[: -len(clean_name)][-1:] in {"", "/"}
    return [path] if is_there else [path, _in_source(source, name)]


def _in_source(source: str, path: str) -> str:
    folder, is_archive = _folder_of(source)
    is_named_there = is_archive and path.startswith(f"{folder}/")
    return clean_path(path if is_named_there or not folder else f"{folder}/{path}")


@lru_cache
def _folder_of(source: str) -> tuple[str, bool]:
    """The folder that a source stands for, "" if for none, and whether it is an archive."""
    if _NOT_A_FOLDER.fullmatch(source):
        return "", False
    ending = next((ending for ending in ARCHIVE_ENDINGS if source.lower().endswith(ending)), "")
    return source[: len(source) - len(ending)], bool(ending)


def match_names(names: Iterable[str], known: Iterable[KnownPath]) -> dict[str, Match]:
    """Find the images that each name means.

    The known paths are passed once for every comparison, so that a project of any size and a label file of any size take
    time in proportion to both together. Most names need few comparisons: what an encoded name stands for in the first place
    is tried before it is read in other ways, and a name that fits one image in the loosest comparison means this image.
    """
    names, known = dict.fromkeys(names), list(known)
    encoded = [name for name in names if "%" in name or "?" in name or "://" in name]
    first = {name: [path] for name in encoded if (path := next(_paths(name), ""))}
    matches = _match(first, known, [_as_it_is])
    readings = {name: _read(name) for name in names if name not in matches}
    matches |= _match_paths({name: its.paths for name, its in readings.items()}, known)
    uploads = {name: its.uploads for name, its in readings.items() if its.uploads and name not in matches}
    if uploads:
        files = {_loosest(_last(path)) for paths in uploads.values() for path in paths}
        candidates = [(path, image) for path, image in known if _loosest(_last(path)) in files]
        comparisons = [_as_it_is, _composed, _without_case, _as_uploaded, _without_ending]
        matches |= _match(uploads, candidates, comparisons)
    return matches | _namesakes({name: its for name, its in readings.items() if name not in matches}, known)


def _paths(name: str) -> Iterator[str]:
    """The paths that a name may stand for, cleaned, without those of uploads."""
    return filter(None, map(clean_path, _texts(name.strip())))


def _texts(text: str) -> Iterator[str]:
    """What a name may stand for: a path as it is, a URL without its host and query."""
    if "/data/local-files" in text and (local := _LOCAL_FILE.search(text)):
        yield unquote(local[1])
        yield unquote(local[1].replace("+", " "))
    elif "://" in text and (scheme := _SCHEME.match(text)):
        path = text[scheme.end() :]
        yield unquote(path.partition("#")[0].partition("?")[0])
        yield path
        yield unquote(path)
    else:
        yield text
        if "%" in text or "?" in text:
            yield unquote(text)
            before_query = unquote(text.partition("?")[0])
            if before_query.lower().endswith(_ENDINGS):  # otherwise the question mark may be part of the name
                yield before_query


def _read(name: str) -> _Readings:
    """All paths that a name may stand for."""
    paths, uploads = list(dict.fromkeys(_paths(name))), []
    for path in paths:
        folder, _, last = path.rpartition("/")
        if "data/upload/" in path and (upload := _UPLOAD_FOLDER.fullmatch(path)):
            folder, last = "", upload[1]
            uploads.append(last)
        if last[8:9] == "-" and (prefix := _UPLOAD_PREFIX.fullmatch(last)):
            uploads.append(f"{folder}/{prefix[1]}" if folder else prefix[1])
    return _Readings(paths, uploads)


def _match_paths(readings: dict[str, list[str]], known: list[KnownPath]) -> dict[str, Match]:
    """Match names by the paths that they stand for. Only names that fit several images need the stricter comparisons."""
    wholes = [_without_ending(path) for path, _ in known]
    keys = {name: [_without_ending(path) for path in paths] for name, paths in readings.items()}
    ends, whole_paths = _index(wholes, known, {_last(path) for paths in keys.values() for path in paths})
    matches: dict[str, Match] = {}
    unclear: dict[str, list[str]] = {}
    for name, paths in keys.items():
        images: set[int] = set()
        for path in paths:
            images.update(ends.get(path, ()))
            for end in _ends(path):
                images.update(whole_paths.get(end, ()))
        if len(images) == 1:
            matches[name] = Match(tuple(images))
        elif images:
            unclear[name] = readings[name]
    files = {_last(path) for name in unclear for path in keys[name]}
    candidates = [entry for whole, entry in zip(wholes, known, strict=True) if _last(whole) in files]
    comparisons = [_as_it_is, _composed, _without_case, _without_ending]
    return matches | _match(unclear, candidates, comparisons)


def _match(
    readings: dict[str, list[str]], known: list[KnownPath], comparisons: Iterable[Callable[[str], str]]
) -> dict[str, Match]:
    """Match names by one comparison after the other, until one of them finds images."""
    matches: dict[str, Match] = {}
    for key in comparisons:
        if not readings or not known:
            break
        keys = {name: [key(path) for path in paths] for name, paths in readings.items()}
        files = {_last(path) for paths in keys.values() for path in paths}
        ends, whole_paths = _index([key(path) for path, _ in known], known, files)
        for name, paths in keys.items():
            for path in paths:
                images = ends.get(path) or next(filter(None, map(whole_paths.get, _ends(path))), ())
                if images:
                    matches[name] = Match(images)
                    break
        readings = {name: paths for name, paths in readings.items() if name not in matches}
    return matches


def _index(
    wholes: list[str], known: list[KnownPath], files: set[str]
) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """The images by every end of their paths, and by their whole paths; only of these files, and of many the first ones."""
    ends: dict[str, tuple[int, ...]] = {}
    whole_paths: dict[str, tuple[int, ...]] = {}
    for whole, (_, image) in zip(wholes, known, strict=True):
        if _last(whole) in files:
            _add(whole_paths, whole, image)
            for end in _ends(whole):
                _add(ends, end, image)
    return ends, whole_paths


def _add(index: dict[str, tuple[int, ...]], path: str, image: int) -> None:
    images = index.get(path)
    if images is None:
        index[path] = (image,)
    elif len(images) < MOST_IMAGES and image not in images:
        index[path] = (*images, image)


def _namesakes(names: dict[str, _Readings], known: list[KnownPath]) -> dict[str, Match]:
    """No match for each name, with the paths of the files that have its name in other folders."""
    files = {name: [_without_case(_last(path)) for path in its.paths] for name, its in names.items()}
    others: dict[str, list[str]] = {file: [] for its_files in files.values() for file in its_files}
    for path, _ in known if others else ():
        same = others.get(_without_case(_last(path)))
        if same is not None and len(same) < _NAMESAKES and path not in same:
            same.append(path)
    none: dict[str, Match] = {}
    for name, its_files in files.items():
        paths = dict.fromkeys(path for file in its_files for path in others[file])
        none[name] = Match(namesakes=tuple(paths)[:_NAMESAKES]) if paths else _NO_MATCH
    return none


def _ends(path: str) -> Iterator[str]:
    """The path itself, and every end of it that begins with a folder or the file: `a/b/c`, `b/c`, `c`."""
    while path:
        yield path
        path = path.partition("/")[2]


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _as_it_is(path: str) -> str:
    return path


def _composed(path: str) -> str:
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _without_case(path: str) -> str:
    return path.lower() if path.isascii() else _composed(_composed(path).casefold())


def _without_ending(path: str) -> str:
    bare = _without_case(path)
    stem, dot, ending = bare.rpartition(".")
    return stem if dot and f".{ending}" in IMAGE_ENDINGS else bare


def _as_uploaded(path: str) -> str:
    """The name that Django gives to an uploaded file, as Label Studio does: `_` for blanks, and no other marks."""
    return _NOT_IN_UPLOADS.sub("", _without_case(path).replace(" ", "_"))


def _loosest(file_name: str) -> str:
    """What every comparison leaves equal."""
    return _without_ending(_as_uploaded(file_name))
