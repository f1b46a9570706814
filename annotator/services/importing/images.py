"""Importing image files: content-addressed, decoded in full, safe to run again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from annotator.domain.grouping.splits import SplitRule, own_group
from annotator.errors import FacelabelError, WrongUse
from annotator.formats.importers.base import GivenFace
from annotator.formats.importers.folder_files import walk_files
from annotator.imaging.image_files import EXTENSIONS, Limits
from annotator.imaging.image_store import StoredImage, decoding_pool, examine_image, finish, store_image
from annotator.models import Image, ImageAlias, now
from annotator.project import ProjectFolder
from annotator.services.common.progress import recount
from annotator.services.faces.detection import give_faces
from annotator.services.grouping.membership import choose_test_share, split_rule
from annotator.services.schema.active import active_schema

Progress = Callable[[int, int], None]
"""Called with the files done and the files in all."""

Result = TypeVar("Result")

_BATCH = 256


@dataclass(frozen=True)
class SourceFile:
    """A file to import: where it is, what it will be called, and the name of the source it came from.

    Args:
        path: where its bytes are.
        name: what it will be called, unless another image has that name.
        source: the folder, archive or video it came from.
        group: what it must not be split from, "" if the source does not say.
        original_path: its name at the source, if that is another one.
        face: the face in it, if the source describes it.
    """

    path: Path
    name: str
    source: str
    group: str = ""
    original_path: str = ""
    face: GivenFace | None = None


Stored = tuple[SourceFile, StoredImage | str]
"""A file and what became of it: the stored image, or why it is refused."""


@dataclass
class ImportReport:
    """What an import did. Nothing is dropped without a line in here.

    `faces`: how many came with their images; `misfits`: images in which such a face has no place, so that it was left aside;
    `hashes`: content by the name of each file taken.
    """

    imported: int = 0
    already: int = 0
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    left_aside: int = 0
    faces: int = 0
    misfits: list[str] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The report for programs, without the hash of every name."""
        return {part.name: getattr(self, part.name) for part in fields(self) if part.name != "hashes"}


def import_images(
    project: ProjectFolder, sources: list[Path], limits: Limits, progress: Progress = lambda *_: None
) -> ImportReport:
    """Take in every image of the folders (recursively) and files named.

    Raises:
        WrongUse: if a source does not exist or holds no image file at all.
    """
    report = ImportReport()
    files = list(find_files(sources, report))
    if not files:
        raise no_images(sources)
    take_in(project, files, limits, report, progress)
    return report


def take_in(
    project: ProjectFolder,
    files: list[SourceFile],
    limits: Limits,
    report: ImportReport,
    progress: Progress = lambda *_: None,
) -> None:
    """Store the files and record them as images.

    The files are copied into the project by content before the database hears of them, in batches: an import that was
    killed leaves whole batches and is completed by running it again.
    """
    store = partial(store_image, project.images, project.views, limits)
    with closing(decoded(store, files, progress)) as stored, closing(_named(project, stored)) as batches:
        for batch in batches:
            with project.database.write() as session:
                record(session, batch, report)
    with project.database.write() as session:
        choose_test_share(session)
        recount(session)


def _named(project: ProjectFolder, stored: Iterator[Stored]) -> Generator[list[Stored]]:
    """Batches of stored files that have their names, durably: those of one batch get them while another one is recorded."""
    before: tuple[list[Stored], Future[None]] | None = None
    with ThreadPoolExecutor(1) as thread:
        while batch := list(islice(stored, _BATCH)):
            new = [result for _, result in batch if isinstance(result, StoredImage)]
            naming = thread.submit(finish, project.images, new)
            if before is not None:
                before[1].result()
                yield before[0]
            before = batch, naming
        if before is not None:
            before[1].result()
            yield before[0]


def examine(files: list[SourceFile], limits: Limits, progress: Progress = lambda *_: None) -> list[Stored]:
    """Decode the files as an import does, and keep nothing."""
    return list(decoded(partial(examine_image, limits), files, progress))


def decoded(
    decode: Callable[[Path], Result], files: list[SourceFile], progress: Progress
) -> Generator[tuple[SourceFile, Result]]:
    """What `decode` makes of each file, in processes of their own."""
    done = 0
    progress(done, len(files))
    try:
        with decoding_pool() as pool:
            results = pool.map(decode, [f.path for f in files], chunksize=16)
            try:
                for file, result in zip(files, results, strict=True):
                    yield file, result
                    done += 1
                    if done % 16 == 0 or done == len(files):
                        progress(done, len(files))
            except BaseException:
                pool.shutdown(cancel_futures=True)  # or all the other files would be decoded first
                raise
    except BrokenProcessPool as error:
        raise FacelabelError(
            "import_stopped",
            f"A decoding process was killed after {done} of {len(files)} files, probably for lack of memory.",
            kept="The files before it are imported.",
            do="Call the command again; it goes on where it stopped. FACELABEL_MAX_PIXELS sets a lower limit.",
        ) from error


def check_sources(sources: list[Path]) -> None:
    """Look for one image file, before anything is made for it.

    Raises:
        WrongUse: if a source does not exist or none holds an image file.
    """
    if next(find_files(sources, ImportReport()), None) is None:
        raise no_images(sources)


def no_images(sources: list[Path]) -> WrongUse:
    """The error for sources without an image file."""
    names = ", ".join(str(source) for source in sources)
    return WrongUse(
        "no_images",
        f"There is no image file in {names}.",
        do=f"Name a folder with images; files ending in {', '.join(sorted(EXTENSIONS))} are looked for.",
    )


def find_files(sources: list[Path], report: ImportReport) -> Iterator[SourceFile]:
    """The image files below folders, and those named; what is left aside or refused goes to the report."""
    for source in sources:
        if source.is_dir():
            root, paths = source, walk_files(source)
        elif source.is_file():
            root, paths = source.parent, iter([source])
        else:
            raise WrongUse(
                "no_source", f"{source} does not exist.", do="Name a folder or a file that exists."
            )
        source_name = root.resolve().name
        for path in paths:
            if path.suffix.lower() not in EXTENSIONS:
                report.left_aside += 1
                continue
            name = path.relative_to(root).as_posix()
            try:
                name.encode()
            except UnicodeEncodeError:
                printable = name.encode(errors="surrogateescape").decode(errors="replace")
                report.refused.append((printable, "has a name that is not UTF-8; rename it"))
                continue
            yield SourceFile(path, name, source_name)


def record(session: Session, batch: list[Stored], report: ImportReport) -> None:
    """Write one batch to the database: new images, other names of known ones, reasons of refusal."""
    stored = [(file, result) for file, result in batch if isinstance(result, StoredImage)]
    report.refused += [(file.name, result) for file, result in batch if isinstance(result, str)]
    rule, required = split_rule(session), len(active_schema(session).required)
    by_hash = _by_hash(session, [result.sha256 for _, result in stored])
    report.hashes |= {file.name: result.sha256 for file, result in stored}
    names = [file.name for file, _ in stored]
    taken = set(session.scalars(select(Image.name).where(Image.name.in_(names))))
    aliases = dict(
        session.execute(select(ImageAlias.name, ImageAlias.image_id).where(ImageAlias.name.in_(names))).all()
    )
    new: dict[str, dict[str, Any]] = {}
    for file, result in stored:
        if result.sha256 in new:  # the same bytes twice in one batch
            hashes = list(new)
            _insert(session, new)
            by_hash |= _by_hash(session, hashes)
        known = by_hash.get(result.sha256)
        if known is None:
            name = (
                file.name
                if file.name not in taken and file.name not in aliases
                else _other_name(file.name, result)
            )
            if name != file.name:
                report.renamed.append((f"{file.source}/{file.name}", name))
            new[result.sha256] = _new_image(file, name, result, rule, required)
            taken.add(name)
            report.imported += 1
            continue
        if file.group and known.given_group is None:
            known.given_group = file.group
            if known.group == own_group(known.sha256):
                known.group, known.split = file.group, rule.split_of(file.group)
        if known.name in {file.name, _other_name(file.name, result)} or (
            file.name in aliases and aliases[file.name] == known.id
        ):
            report.already += 1
        else:
            session.flush()
            report.duplicates.append((file.name, known.name))
            if file.name not in taken:
                session.add(ImageAlias(name=file.name, image_id=known.id))
                aliases[file.name] = known.id
    _insert(session, new)
    given = {result.sha256: file.face for file, result in stored if file.face is not None}
    if given:
        session.flush()
        taken_faces, misfits = give_faces(session, given)
        report.faces += taken_faces
        report.misfits += misfits


def _by_hash(session: Session, hashes: list[str]) -> dict[str, Image]:
    found = session.scalars(select(Image).where(Image.sha256.in_(hashes)))
    return {image.sha256: image for image in found}


def _insert(session: Session, new: dict[str, dict[str, Any]]) -> None:
    """Write new rows at once, and forget them: an object for each would cost more than all the rest of a batch."""
    if new:
        session.connection().execute(insert(Image), list(new.values()))
        new.clear()


def _other_name(name: str, stored: StoredImage) -> str:
    """The name of an image whose own name is taken by another one."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}~{stored.sha256[:8]}{path.suffix}"))


def _new_image(
    file: SourceFile, name: str, stored: StoredImage, rule: SplitRule, required: int
) -> dict[str, Any]:
    group = file.group or own_group(stored.sha256)
    shuffle = hashlib.sha256(f"{rule.seed}:order:{stored.sha256}".encode()).digest()[:7]
    return {
        "name": name,
        "sha256": stored.sha256,
        "extension": stored.header.extension,
        "width": stored.header.width,
        "height": stored.header.height,
        "source": file.source,
        "original_path": file.original_path or file.name,
        "given_group": file.group or None,
        "group_key": group,
        "split": rule.split_of(group),
        "shuffle": int.from_bytes(shuffle, "big"),
        "open_cells": required,
        "created_at": now(),
    }
