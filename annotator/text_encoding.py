"""The encoding of text files that a person's editor or spreadsheet wrote."""

from __future__ import annotations

import codecs
from pathlib import Path

_WIDE = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SAMPLE = 4096


def decode_text(content: bytes) -> str:
    """Decode UTF-8, or UTF-16 and UTF-32 as Windows programs write them; byte-order marks are removed.

    Raises:
        UnicodeDecodeError: if it is none of them.
    """
    return content.decode(unicode_encoding(content)).lstrip("\ufeff")


def unicode_encoding(content: bytes) -> str:
    """Return the Unicode encoding of a text by its byte-order mark or, of UTF-16 without one, by its zero bytes."""
    mark = marked_encoding(content)
    if mark is not None:
        return mark
    sample = content[:_SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if len(sample) >= 4 and len(content) % 2 == 0 and abs(even - odd) * 4 > len(sample) // 2:
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"


def file_encoding(path: Path) -> str:
    """Return the Unicode encoding with which Python opens a text file, by its first bytes; a byte-order mark is skipped.

    Raises:
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        encoding = unicode_encoding(file.read(_SAMPLE))
    return "utf-8-sig" if encoding == "utf-8" else encoding


def encoding_title(encoding: str) -> str:
    """Return what people call an encoding of Unicode: "utf-16-le" is UTF-16."""
    return "-".join(encoding.upper().split("-")[:2])


def marked_encoding(content: bytes) -> str | None:
    """Return the encoding that the byte-order mark of a text names; None for UTF-8 and texts without a mark."""
    return next((name for mark, name in _WIDE.items() if content.startswith(mark)), None)
