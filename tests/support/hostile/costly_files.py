"""Small files that take much time or memory to read."""

import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
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


def costly_parquet(path: Path, rows: int, size: int) -> None:
    """A Parquet file whose rows all hold the same text of `size` characters, which stands in it once, compressed."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["a" * size]))
    pq.write_table(pa.table({"file_name": text}), path, compression="zstd", store_schema=False)


def costly_zip(path: Path, entries: int) -> None:
    """A zip archive with one small member that its directory lists many times."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"a")
    content = path.read_bytes()
    start = content.index(b"PK\1\2")
    end = content.index(b"PK\5\6")
    directory = content[start:end]
    with path.open("wb") as file:
        file.write(content[:start])
        for _ in range(entries):
            file.write(directory)
        file.write(content[end : end + 12] + struct.pack("<II", entries * len(directory), start) + b"\0\0")


def costly_xz(path: Path, size: int) -> None:
    """A packed tar archive that asks for a decoder with four gibibytes of memory; its member has `size` zeros."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("a.jpg")
        member.size = size
        archive.addfile(member, io.BytesIO(bytes(size)))
    content = bytearray(lzma.compress(buffer.getvalue(), preset=0))
    header = 12  # of the stream; the header of the first block follows
    length = 4 * (content[header] + 1)
    assert content[header + 2 : header + 4] == b"\x21\x01", "one LZMA2 filter"
    content[header + 4] = 40  # the code of the largest dictionary
    content[header + length - 4 : header + length] = struct.pack(
        "<I", zlib.crc32(content[header : header + length - 4])
    )
    path.write_bytes(content)


def costly_video(path: Path, side: int) -> None:
    """A video of 320×240 pixels by its header, whose first frame is a small JPEG that claims `side` pixels a side."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (320, 240))
    for shade in (50, 150):
        writer.write(np.full((240, 320, 3), shade, np.uint8))
    writer.release()
    content = bytearray(path.read_bytes())
    size = (
        content.index(b"\xff\xc0", content.index(b"00dc")) + 5
    )  # after the marker, the length and the precision
    content[size : size + 4] = struct.pack(">HH", side, side)
    path.write_bytes(content)
