"""The names of an archive's members: decoding them, and refusing those that lead out of the archive."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from annotator.formats.importers.archives.code_pages import CODE_PAGES, guess_code_page
from annotator.formats.importers.ignored_files import ARCHIVE_ENDINGS

NAME_ENCODINGS = ("auto", "utf-8", *sorted(CODE_PAGES))
"""What may be chosen as the encoding of undeclared names; auto guesses it."""

_UNREAD_ARCHIVES = (".7z", ".rar", ".cab", ".lzh")
_LONGEST_NAME, _LONGEST_PART, _DEEPEST = 1000, 255, 30


class NameDecoder:
    """Decodes the names of one archive.

    Args:
        encoding: the encoding of names that do not say theirs; auto: guessed from all of them together.
    """

    def __init__(self, encoding: str = "auto") -> None:
        self._encoding = None if encoding == "auto" else encoding
        self._is_guessed = encoding == "auto"
        self._example = ""

    def decide(self, undeclared: Iterable[bytes]) -> None:
        """Guess the encoding from the names that do not say theirs, unless it was chosen."""
        names = list(undeclared)
        if names and self._encoding is None:
            self._encoding = guess_code_page(names)

    def decode(self, name: str | bytes) -> str | None:
        """Return a name as text with the slashes that it has; None if its encoding is not decided yet.

        Bytes that the encoding does not have become surrogates, which `bad_name` refuses.
        """
        if isinstance(name, str):
            return name
        if self._encoding is None:
            return None
        try:
            text = name.decode(self._encoding)
        except UnicodeDecodeError:
            return name.decode("ascii", "surrogateescape")
        self._example = self._example or text
        return text

    @property
    def note(self) -> str | None:
        """What the user should know about a guess, in whole sentences."""
        if not self._example or not self._is_guessed or self._encoding == "utf-8":
            return None
        return (
            f"The archive does not say how its file names are encoded; they were read as {self._encoding}, such as "
            f"{self._example[:100]}. If they are wrong, choose another encoding (--names-encoding)."
        )


def posix_name(name: str) -> str:
    """Return a name with `/` between folders: archives of Windows may have backslashes."""
    return name.replace("\\", "/")


def bad_name(name: str) -> str:
    """Return why a member with this name, as `posix_name` gives it, is refused, as a clause; "" if it is not."""
    parts = name.split("/")
    if is_archive_name(name):
        return "is an archive inside the archive; unpack it and import it on its own"
    if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in parts:
        return "has a path that leaves the archive, or may leave it: it begins at a root or drive, or goes up with .."
    categories = {unicodedata.category(character) for character in name}
    if "Cs" in categories:
        return "has a name that is not in the archive's encoding; choose it with --names-encoding"
    if "Cc" in categories:
        return "has a name with control characters"
    longest = max(len(part.encode()) for part in parts)
    if len(name) > _LONGEST_NAME or longest > _LONGEST_PART or len(parts) > _DEEPEST:
        return "has too long a name"
    return ""


def is_archive_name(name: str) -> bool:
    """Return whether a name ends like that of an archive, of a kind that is read or not."""
    return name.lower().endswith((*ARCHIVE_ENDINGS, *_UNREAD_ARCHIVES))


def same_anywhere(name: str) -> str:
    """Return a key that is equal for names that some file system takes for the same, such as A.jpg and a.jpg."""
    return unicodedata.normalize("NFC", str(PurePosixPath(name))).casefold()
