"""The structure of image files: their metadata removed without decoding, and how many bytes their ends lack."""

import zlib
from collections.abc import Iterator

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_PNG_END = b"IEND\xaeB\x60\x82"
_LARGEST_PROFILE = 16 * 2**20
_LARGEST_EXIF = 2**16

_START_OF_SCAN, _APP1, _APP2, _APP14, _COMMENT = 0xDA, 0xE1, 0xE2, 0xEE, 0xFE
_PROGRESSIVE = 0xC2
_BOXES = {b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"idat", b"uuid", b"wide", b"pdin", b"moof"}
_BRANDED = {"HEIF", "AVIF"}


def without_metadata(content: bytes, kind: str) -> Iterator[bytes]:
    """Yield copies of a PNG or JPEG with less and less metadata: first without texts, then with nothing but the picture.

    The first copy keeps what tells how the picture is to be shown: the orientation and the colour profile.
    """
    strip = {"PNG": _png_picture, "JPEG": _jpeg_picture}.get(kind)
    if strip is not None:
        yield strip(content, keep_shown=True)
        yield strip(content, keep_shown=False)


def png_profile(content: bytes) -> bytes | None:
    """Return a PNG's colour profile of up to 16 MiB, of which Pillow takes 1 MiB; None if there is none."""
    for name, chunk in _png_chunks(content):
        if name == b"iCCP":
            try:
                return zlib.decompressobj().decompress(chunk[8:-4].partition(b"\0")[2][1:], _LARGEST_PROFILE)
            except zlib.error:
                return None
    return None


def lacks_end(content: bytes, kind: str) -> bool:
    """Return whether a PNG or JPEG that could be decoded lacks its end mark."""
    return kind == "PNG" and _PNG_END not in content


def missing_bytes(content: bytes, kind: str) -> int:
    """Return how many bytes a WebP, HEIF or AVIF file lacks at its end, by the lengths that it declares; else 0."""
    if kind == "WEBP":
        return max(0, 8 + int.from_bytes(content[4:8], "little") - len(content))
    end = 0
    while kind in _BRANDED and end + 16 <= len(content) and content[end + 4 : end + 8] in _BOXES:
        size = int.from_bytes(content[end : end + 4], "big")
        if size == 1:
            size = int.from_bytes(content[end + 8 : end + 16], "big")
        if size < 8:  # 0: up to the end of the file
            return 0
        end += size
    return max(0, end - len(content))


def all_scans_begun(content: bytes) -> bool:
    """Return whether no scan is missing after a JPEG's last one, though its end may be missing.

    A progressive JPEG (ITU-T T.81, annex G) is complete when a scan has brought each coefficient to its last bit.
    """
    progressive, components = False, 0
    last_bits: dict[tuple[int, int], int] = {}
    for marker, body in _jpeg_segments(content):
        if marker in {0xC0, 0xC1, _PROGRESSIVE}:
            progressive, components = marker == _PROGRESSIVE, body[5]
        if marker == _START_OF_SCAN:
            count = body[0]
            first, last, bits = body[1 + 2 * count : 4 + 2 * count]
            scanned = body[1 : 1 + 2 * count : 2]
            last_bits |= {(part, at): bits & 15 for part in scanned for at in range(first, last + 1)}
            if not progressive and count == components:
                return True
    if not progressive:
        return len({part for part, _ in last_bits}) == components > 0
    return len(last_bits) == 64 * components > 0 and not any(last_bits.values())


def _png_picture(content: bytes, *, keep_shown: bool) -> bytes:
    """A PNG without chunks that do not belong to its picture."""
    kept = _PNG_PICTURE | ({b"eXIf"} if keep_shown else set())
    chunks = [
        chunk
        for name, chunk in _png_chunks(content)
        if name in kept and not (name == b"eXIf" and len(chunk) > _LARGEST_EXIF)
    ]
    return b"".join([_PNG_START, *chunks])


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The name and the bytes of each chunk."""
    at = len(_PNG_START)
    while at + 8 <= len(content):
        size = 12 + int.from_bytes(content[at : at + 4], "big")
        yield content[at + 4 : at + 8], content[at : at + size]
        at += size


def _jpeg_picture(content: bytes, *, keep_shown: bool) -> bytes:
    """A JPEG without the segments of applications and comments, except those that tell how the picture is shown."""
    parts, at = [content[:2]], 2
    for marker, body in _jpeg_segments(content, only_header=True):
        segment = content[at : at + 4 + len(body)]
        at += len(segment)
        shows = marker == _APP14 or (
            keep_shown
            and ((marker == _APP1 and body[:6] == b"Exif\0\0") or (marker == _APP2 and body[:4] == b"ICC_"))
        )
        if shows or not (0xE0 <= marker <= 0xEF or marker == _COMMENT):
            parts.append(segment)
    return b"".join([*parts, content[at:]])


def _jpeg_segments(content: bytes, *, only_header: bool = False) -> Iterator[tuple[int, bytes]]:
    """The marker and the content of each of a JPEG's segments, up to the first scan or the end of the file."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if only_header and marker == _START_OF_SCAN:
            return
        body = content[at + 4 : at + 2 + length]
        yield marker, body
        at += 2 + length
        if marker == _START_OF_SCAN:
            at = _end_of_scan(content, at)


def _end_of_scan(content: bytes, at: int) -> int:
    """The place of the next marker that is neither a stuffed zero nor a restart."""
    while (at := content.find(b"\xff", at)) >= 0:
        following = content[at + 1 : at + 2]
        if following == b"" or (following != b"\0" and not 0xD0 <= following[0] <= 0xD7):
            return at
        at += 2
    return len(content)
