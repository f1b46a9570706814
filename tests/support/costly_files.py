"""Small files that take much time or memory to read."""

import gzip
import io
import tarfile
from pathlib import Path

from PIL import Image


def costly_jpeg(side: int, scans: int) -> bytes:
    """A progressive JPEG of one colour whose last scan stands in it many times: a few hundred bytes each, and a pass over all blocks."""
    buffer = io.BytesIO()
    Image.new("L", (side, side), 77).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    last = content.rindex(b"\xff\xda")
    tables = content.rfind(b"\xff\xc4", 0, last)
    scan = content[tables:-2]
    return content[:-2] + scan * scans + content[-2:]


def costly_tar(path: Path, size: int) -> None:
    """A gzip-compressed tar archive whose first member has a name of `size` bytes."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, size
    with gzip.open(path, "wb", compresslevel=6) as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(size // 2**20):
            file.write(b"a" * 2**20)
