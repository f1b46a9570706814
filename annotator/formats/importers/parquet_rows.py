"""The rows of a Parquet file, decoded by a process with limits: 2 KiB of it may hold gigabytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from annotator.formats.importers.safe_readers import refuse
from annotator.imaging.decoder_pool import decoding_context, limit_process

MAX_ROWS = 5_000_000
_MEMORY = 2 * 2**30
"""Bytes, of which pyarrow's usual pool may reserve the half, where pyarrow was loaded before this process was forked."""
_PROCESSOR_SECONDS = 120
_STALL_SECONDS = 120
_ROWS = 4096


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of a Parquet file as Python values, each with its place ("row 17").

    Raises:
        FacelabelError: if it is not a Parquet file, or takes too much memory or time, at the row where that shows.
    """
    context = decoding_context(__name__)
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_send_rows, args=(path.resolve(), sending), daemon=True)
    process.start()
    sending.close()
    number = 0
    try:
        while True:
            if not receiving.poll(_STALL_SECONDS):
                refuse(path, "it takes too long to decode")
            rows: list[dict[str, Any]] | str | None = receiving.recv()
            if rows is None:
                return
            if isinstance(rows, str):
                refuse(path, rows)
            for row in rows:
                number += 1
                if number > MAX_ROWS:
                    refuse(path, f"it has more than {MAX_ROWS:,} rows")
                yield f"row {number}", row
    except EOFError:
        refuse(path, "it takes too long to decode, or ends its decoder")
    finally:
        process.kill()
        process.join()
        receiving.close()


def _send_rows(path: Path, sending: Connection) -> None:
    """Send lists of rows, and at last None, or what is wrong with the file."""
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # the others reserve a gigabyte at their first use
    import pyarrow as pa  # noqa: PLC0415 - only this process loads it
    import pyarrow.parquet as pq  # noqa: PLC0415

    limit_process(_MEMORY, _PROCESSOR_SECONDS)
    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_cpu_count(1)
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(_ROWS, use_threads=False):
                sending.send(batch.to_pylist())
        sending.send(None)
    except (MemoryError, pa.ArrowMemoryError):
        sending.send(f"it takes more than {_MEMORY // 2**30} GiB of memory to decode")
    except (pa.ArrowException, OSError, ValueError) as error:
        sending.send(f"it is not a Parquet file ({str(error)[:200]})")
