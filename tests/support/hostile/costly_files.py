"""Small files that take much time or memory to read."""

import gzip
import io
import tarfile
from pathlib import Path

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
