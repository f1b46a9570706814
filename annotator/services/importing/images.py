"""Importing image files: decoded in full, stored by their content, safe to run again."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from annotator.errors import FacelabelError
from annotator.imaging.decoder_pool import DecoderKilledError, Limited, decode_alone, decoding_pool
from annotator.imaging.image_files import Limits
from annotator.imaging.image_store import StoredImage, examine_image, store_image
from annotator.project import ProjectFolder
from annotator.services.common.progress import recount
from annotator.services.grouping.membership import choose_test_share
from annotator.services.importing.image_rows import DecodedFile, ErasedFilter, record_images
from annotator.services.importing.reports import ImageReport
from annotator.services.importing.source_files import SourceFile

Progress = Callable[[int, int], None]
"""Called with the number of files that are done and the number of all files."""

Result = TypeVar("Result")

MOST_KILLED = 20
"""An import goes on after so many files that ended their decoder: each may take as long as a thousand others."""

_BATCH = 256
_ON_THE_WAY = 2048
"""The most files that lie on this machine before object storage has them."""


def import_files(
    project: ProjectFolder,
    files: list[SourceFile],
    limits: Limits,
    report: ImageReport,
    progress: Progress = lambda *_: None,
    *,
    restore: bool = False,
) -> None:
    """Store the files and record them as images; those that were erased for good only if `restore`.

    Files are recorded in batches, each only after its files are stored durably. An import that was killed therefore
    leaves whole batches, and running it again completes it.

    Raises:
        FacelabelError: if many files cannot be decoded in time, or the disk is full; recorded batches are kept.
    """

    def finish(batch: list[DecodedFile]) -> None:
        project.stores.finish([image.staged for _, image in batch if isinstance(image, StoredImage)])

    # Decoders run ahead of the network, so that not all files of a large import lie on this machine's disk at once.
    step = _ON_THE_WAY if project.stores.url else max(1, len(files))
    for start in range(0, len(files), step):
        part = files[start : start + step]
        told = partial(_tell_part, progress, start, len(files))
        record_files(project, part, limits, report, told, finish, restore=restore)
    with project.database.write() as session:
        choose_test_share(session)
        recount(session)


def _tell_part(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def record_files(
    project: ProjectFolder,
    files: list[SourceFile],
    limits: Limits,
    report: ImageReport,
    progress: Progress,
    finish: Callable[[list[DecodedFile]], None],
    *,
    restore: bool,
) -> None:
    """Store and record files as `import_files`, which also counts the images anew.

    Args:
        project: the project.
        files: the files.
        limits: files beyond them are refused.
        report: is filled.
        progress: is told how many files are done.
        finish: puts the files of a batch under their names durably; it runs in another thread.
        restore: also import what was erased for good.
    """
    store = partial(store_image, project.stores.images.staging, project.stores.views.staging, limits)
    erased = ErasedFilter(project, report, restore=restore)
    with (
        closing(decode_files(store, files, progress, limits=limits, refused=str)) as stored,
        closing(_finished(project, stored, erased, finish)) as batches,
    ):
        for batch in batches:
            with project.database.write() as session:
                # Again, because an image of the batch may have been erased meanwhile.
                record_images(session, erased.rest_of(session, batch, final=True), report)


def _finished(
    project: ProjectFolder,
    stored: Iterator[DecodedFile],
    erased: ErasedFilter,
    finish: Callable[[list[DecodedFile]], None],
) -> Generator[list[DecodedFile]]:
    """Batches of files that are durable under their final names. One batch is finished while the last is recorded."""
    previous: tuple[list[DecodedFile], Future[None]] | None = None
    with ThreadPoolExecutor(1) as thread:
        while files := list(islice(stored, _BATCH)):
            with project.database.read() as session:
                batch = erased.rest_of(session, files, final=False)
            finishing = thread.submit(finish, batch)
            if previous is not None:
                previous[1].result()
                yield previous[0]
            previous = batch, finishing
        if previous is not None:
            previous[1].result()
            yield previous[0]


def examine_files(
    files: list[SourceFile], limits: Limits, progress: Progress = lambda *_: None
) -> list[DecodedFile]:
    """Decode the files as an import does, and store nothing."""
    return list(decode_files(partial(examine_image, limits), files, progress, limits=limits, refused=str))


def decode_files(
    decode: Callable[[Path], Result],
    files: list[SourceFile],
    progress: Progress,
    *,
    limits: Limits,
    refused: Callable[[str], Result],
    at_once: int = 16,
) -> Generator[tuple[SourceFile, Result]]:
    """Call `decode` with each file's path in separate processes, and give its results in the order of the files.

    A file that ends its process, because it takes too long or crashes the decoder, is refused, and the next ones go on. To
    find it among those that were in the works, they are decoded again, each in a separate process.

    Args:
        decode: a picklable function.
        files: the files.
        progress: is told how many files are done, at least after every `at_once` of them.
        limits: the largest number of pixels decides how much memory and time a file may take.
        refused: makes the result of a file that ended its process, from the reason.
        at_once: files that are passed to a process together; few where each takes long.

    Raises:
        FacelabelError: if many files ended their processes.
    """
    done = killed = 0
    limited = Limited(decode, limits.max_pixels)
    progress(done, len(files))
    while done < len(files):
        try:
            with closing(_decode_together(limited, files[done:], at_once)) as results:
                for file, result in zip(files[done:], results, strict=True):
                    yield file, result
                    done += 1
                    if done % at_once == 0 or done == len(files):
                        progress(done, len(files))
        except BrokenProcessPool:
            before = killed
            for file in files[done : done + at_once * (os.cpu_count() or 1)]:
                try:
                    result = decode_alone(store_image.__module__, limited, file.path)
                except DecoderKilledError as reason:
                    killed += 1
                    result = refused(str(reason))
                yield file, result
                done += 1
                progress(done, len(files))
                if killed > before:
                    break
            if killed > MOST_KILLED:
                raise _too_many_killed(done, len(files)) from None


def _decode_together(
    decode: Limited[[Path], Result], files: list[SourceFile], at_once: int
) -> Generator[Result]:
    with decoding_pool(store_image.__module__) as pool:
        try:
            yield from pool.map(decode, [file.path for file in files], chunksize=at_once)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # otherwise all other files would be decoded first
            raise


def _too_many_killed(done: int, total: int) -> FacelabelError:
    return FacelabelError(
        "import_stopped",
        f"{MOST_KILLED + 1} files took too long to decode, or crashed the decoder; the import stopped after {done} of {total}.",
        kept="The files before are imported.",
        do="Take these files out, and import the rest again; it continues where it stopped.",
    )
