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
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote

from annotator.formats.importers.ignored_files import ARCHIVE_ENDINGS, VIDEO_ENDINGS
from annotator.imaging.image_kinds import IMAGE_ENDINGS

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\\]*")
_DRIVE = re.compile(r"^[A-Za-z]:[/\\]")
_UNCLEAN = re.compile(r"^/|/$|//|(^|/)\.\.?(/|$)")
_LOCAL_FILE = re.compile(r"/data/local-files/?\?(?:.*&)?d=([^&]*)")
_UPLOAD_FOLDER = re.compile(r"(?:.*/)?data/upload/(?:[0-9]+/)?([^/]+)")
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(.+)", re.DOTALL)
_NOT_IN_UPLOADS = re.compile(r"[^-\w./]")

_NOT_A_FOLDER = re.compile(r"upload-[0-9]{6}")
"""The source of an image that was uploaded on its own, see `uploads.upload_folder`."""

_VIDEO_SUFFIXES = frozenset(ending[1:] for ending in VIDEO_ENDINGS)

_NAMESAKES = 3

KnownPath = tuple[str, int]
"""A path at which an image was found, with `/` between its parts, and the image's id."""


@dataclass(frozen=True, slots=True)
class Match:
    """The images that a name may mean: one, several that match equally well, or none.

    Args:
        images: their ids.
        namesakes: if there are none: paths whose file has that name in another folder, at most three.
    """

    images: tuple[int, ...] = ()
    namesakes: tuple[str, ...] = ()


@dataclass
class _Readings:
    """The paths that a name may stand for, in the order in which they are tried; those of uploads only after all others."""

    paths: dict[str, None] = field(default_factory=dict)
    uploads: dict[str, None] = field(default_factory=dict)


def clean_path(text: str) -> str:
    r"""Return a path with `/` between its parts, without drive, root, `.` and `..`: `C:\a\.\b.jpg` is `a/b.jpg`."""
    text = text.strip()
    if "\\" not in text and ":" not in text and not _UNCLEAN.search(text):
        return text
    text = _DRIVE.sub("", text, count=1)
    parts: list[str] = []
    for part in text.replace("\\", "/").split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def known_paths(source: str, name: str, original_path: str) -> list[str]:
    """Return the paths of an image with the folder that it was imported from: the original one, and its name if that differs.

    Args:
        source: the folder's name, or that of an archive, which counts without its ending.
        name: the image's name.
        original_path: its path in the source; of a frame the video, which says nothing about the frame.
    """
    if original_path[-5:].rpartition(".")[2].lower() in _VIDEO_SUFFIXES:
        return [clean_path(name)]
    path = _in_source(source, original_path)
    is_there = path == clean_path(name) or path.endswith(f"/{clean_path(name)}")
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
    time in proportion to both together.
    """
    open_names = {name: _read(name) for name in names}
    known = list(known)
    matches: dict[str, Match] = {}
    for key in (_as_it_is, _composed, _without_case, _without_ending):
        if not open_names:
            return matches
        if key is _composed:
            known = _candidates(open_names.values(), known)
        _match_step({name: list(reading.paths) for name, reading in open_names.items()}, known, key, matches)
        open_names = {name: reading for name, reading in open_names.items() if name not in matches}
    uploads = {name: list(reading.uploads) for name, reading in open_names.items() if reading.uploads}
    for key in (_as_it_is, _composed, _without_case, _as_uploaded, _without_ending):
        if uploads:
            _match_step(uploads, known, key, matches)
            uploads = {name: readings for name, readings in uploads.items() if name not in matches}
    return matches | _namesakes({name: open_names[name] for name in open_names if name not in matches}, known)


def _read(name: str) -> _Readings:
    """The paths that a name may stand for: a path as it is, a URL without its host and query, an upload's own name."""
    text = name.strip()
    texts = [text]
    if "/data/local-files" in text and (local := _LOCAL_FILE.search(text)):
        texts = [unquote(local[1]), unquote(local[1].replace("+", " "))]
    elif "://" in text and (scheme := _SCHEME.match(text)):
        path = text[scheme.end() :]
        texts = [unquote(re.split("[?#]", path, maxsplit=1)[0]), path, unquote(path)]
    elif "%" in text or "?" in text:
        texts += [unquote(text), unquote(text.partition("?")[0])]
    readings = _Readings()
    for path in filter(None, map(clean_path, texts)):
        readings.paths[path] = None
        folder, _, last = path.rpartition("/")
        if "data/upload/" in path and (upload := _UPLOAD_FOLDER.fullmatch(path)):
            folder, last = "", upload[1]
            readings.uploads[last] = None
        if last[8:9] == "-" and (prefix := _UPLOAD_PREFIX.fullmatch(last)):
            readings.uploads[f"{folder}/{prefix[1]}" if folder else prefix[1]] = None
    return readings


def _candidates(readings: Iterable[_Readings], known: Iterable[KnownPath]) -> list[KnownPath]:
    """The known paths whose file may be one of those that are looked for, by the loosest comparison."""
    paths = [path for reading in readings for path in (*reading.paths, *reading.uploads)]
    loosest = {_loosest(_last(path)) for path in paths}
    return [(path, image) for path, image in known if _loosest(_last(path)) in loosest]


def _match_step(
    readings: dict[str, list[str]],
    known: list[KnownPath],
    key: Callable[[str], str],
    matches: dict[str, Match],
) -> None:
    """Match names by one comparison; what is found is added to `matches`."""
    keys = {path: key(path) for paths in readings.values() for path in paths}
    wanted = set(keys.values())
    wanted_ends = {end for path in wanted for end in _ends(path)}
    longer: dict[str, dict[int, None]] = {}
    shorter: dict[str, dict[int, None]] = {}
    for path, image in known:
        whole = key(path)
        if whole in wanted_ends:
            shorter.setdefault(whole, {})[image] = None
        for end in _ends(whole):
            if end in wanted:
                longer.setdefault(end, {})[image] = None
    for name, paths in readings.items():
        for path in paths:
            whole = keys[path]
            images = longer.get(whole) or next((shorter[end] for end in _ends(whole) if end in shorter), {})
            if images:
                matches[name] = Match(tuple(images))
                break


def _namesakes(names: dict[str, _Readings], known: list[KnownPath]) -> dict[str, Match]:
    """No match for each name, with the paths of the files that have its name in other folders."""
    others: dict[str, list[str]] = {}
    for path, _ in known:
        same = others.setdefault(_without_case(_last(path)), [])
        if len(same) < _NAMESAKES and path not in same:
            same.append(path)
    none: dict[str, Match] = {}
    for name, readings in names.items():
        paths = [path for reading in readings.paths for path in others.get(_without_case(_last(reading)), ())]
        none[name] = Match(namesakes=tuple(dict.fromkeys(paths))[:_NAMESAKES])
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
