"""Recognising a JPEG that holds only its picture and can be sent to the browser unchanged."""

from __future__ import annotations

import re

_START = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
_APP0, _START_OF_SCAN, _END = 0xE0, 0xDA, b"\xff\xd9"
_TABLES = {0xC4, 0xDB, 0xDD}  # Huffman and quantisation tables, the restart interval
_BASELINE = 0xC0
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # in a scan: neither a stuffed zero nor a restart


def is_plain_jpeg(content: bytes) -> bool:
    """Return whether a file is a JFIF header, the tables of a baseline picture in Y, Cb and Cr, one scan, and the end marker.

    Such a file has no EXIF (an orientation, a place, a serial number), comment, colour profile or thumbnail, and no data after
    its end. The grammar is that of ITU-T T.81, annex B. The picture is not decoded.
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
            marker_after = _MARKER.search(content, at + 2 + length)
            return frames == 1 and marker_after is not None and content[marker_after.start() :] == _END
        elif marker not in _TABLES and not (marker == _APP0 and at == 2):
            return False
        at += 2 + length
    return False
