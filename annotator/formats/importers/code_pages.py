"""Guessing the code page of a text that is not Unicode, as spreadsheets and old programs write it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from charset_normalizer import from_bytes

_CODE_PAGES = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "gb18030", "big5", "cp949", "mac_roman", "cp850", "cp437",
)  # fmt: skip
_SAMPLE = 2**16


def guess_code_page(content: bytes, words: Iterable[str] = ()) -> str:
    """Return the code page of a text that is not UTF-8; Latin-1, in which every byte is a character, if no other fits.

    Args:
        content: the text.
        words: words that may stand in it, such as the values of the schema; the code page with most of them is taken.
    """
    sample = b"\n".join(line for line in content.splitlines() if not line.isascii())[:_SAMPLE]
    expected = {unicodedata.normalize("NFC", word) for word in words if not word.isascii()}
    counts = {page: _count(sample, page, expected) for page in _CODE_PAGES} if expected else {}
    if any(counts.values()):
        guess = max(counts, key=counts.__getitem__)
    else:
        best = from_bytes(sample).best()
        guess = best.encoding if best is not None else "cp1252"
        if _decoded(sample, "cp1252") in {_decoded(sample, guess), None if best is None else str(best)}:
            guess = "cp1252"
    return next(page for page in (guess, "cp1252", "latin-1") if _decoded(content, page) is not None)


def title_of(page: str) -> str:
    """Return the usual name of a code page."""
    return f"Windows-{page[2:]}" if page.startswith("cp125") else "Latin-1" if page == "latin-1" else page


def _count(sample: bytes, page: str, words: set[str]) -> int:
    text = unicodedata.normalize("NFC", _decoded(sample, page) or "")
    return sum(word in text for word in words)


def _decoded(content: bytes, page: str) -> str | None:
    try:
        return content.decode(page)
    except UnicodeDecodeError:
        return None
