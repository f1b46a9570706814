"""Telling a JPEG that holds nothing besides its picture: the browser can be given it as it is."""

from __future__ import annotations

import re

_START = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
_APP0, _START_OF_SCAN, _END = 0xE0, 0xDA, b"\xff\xd9"
_TABLES = {0xC4, 0xDB, 0xDD}  # Huffman and quantisation tables, the restart interval
_BASELINE = 0xC0
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # in the data of a scan: no stuffed zero, no restart


def is_plain_jpeg(content: bytes) -> bool:
    """Whether a file is a JFIF header, the tables of a baseline picture in Y, Cb and Cr, its one scan, and its end.

    So it has no EXIF (an orientation, a place, a serial number), no comment, no colour profile, no thumbnail and nothing after
    its end. The grammar is that of ITU-T T.81, annex B; whether the picture can be decoded is not looked at.
    """
    if not content.startswith(_START) or content[18:20] != b"\0\0":  # the size of JFIF's thumbnail
        return False
    at, frames = 2, 0
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == _BASELINE:
            frames += 1
            if content[at + 9 : at + 10] != b"\x03":
                return False
        elif marker == _START_OF_SCAN:
            found = _MARKER.search(content, at + 2 + length)
            return frames == 1 and found is not None and content[found.start() :] == _END
        elif marker not in _TABLES and not (marker == _APP0 and at == 2):
            return False
        at += 2 + length
    return False
