"""Make a backup while people label: the database of one moment first, then the files, the manifest last.

A file is in the project before the database names it, so the files that are read after the copy of the database are all that
it needs. If something was erased for good meanwhile, the backup is made anew, so that it does not hold it.
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from annotator.errors import FacelabelError
from annotator.files import (
    UNFINISHED,
    cannot_write,
    hold_folder,
    remove_unfinished,
    shard_path,
    staged_folder,
    sync_disk,
    sync_folder,
)
from annotator.project import ProjectFolder
from annotator.services.backups.archive import archive_file
from annotator.services.backups.contents import EarlierEntries, Entry, FoundFile, read_entries, walk
from annotator.services.backups.folder import DATABASE, FILES, FORMAT, MANIFEST, BackupFolder
from annotator.services.backups.manifest import (
    BackupReport,
    BackupWriter,
    Progress,
    noted,
    project_identity,
    try_again,
)


def back_up(
    project: ProjectFolder, root: Path, *, keep: int | None = None, progress: Progress = lambda *_: None
) -> BackupReport:
    """Add a backup to a folder; only contents that the folder lacks are copied.

    Args:
        project: the project.
        root: the folder with backups of this project, or a new or empty one.
        keep: remove the oldest backups beyond this number afterwards; None keeps all.
        progress: is told the progress.

    Raises:
        WrongUse: if the folder holds other things.
        Busy: if another backup is being written there.
        NoRoom: if its disk is full. Earlier backups are kept, after this and any other error.
        FacelabelError: if the database is damaged, or a file cannot be read or written.
    """
    place = BackupFolder(root)
    place.prepare(*project_identity(project))
    with place.held(), noted(project, place.root, "folder"):
        place.remove_leftovers()
        try:
            report = try_again(lambda: _add_generation(project, place, progress))
        except FacelabelError:
            place.remove_leftovers()
            raise
        if keep is not None:
            for generation in place.generations()[max(1, keep) :]:
                place.remove(generation)
                report.removed.append(generation.name)
        place.remove_unused()
    return report


def remove_backup(project: ProjectFolder, root: Path, name: str) -> None:
    """Remove one backup of a folder, and the contents that only it has.

    Raises:
        FacelabelError: if there is no such backup.
        Busy: if another backup is being written there.
    """
    place = BackupFolder(root)
    place.prepare(*project_identity(project))
    with place.held():
        for generation in place.generations():
            if generation.name == name:
                place.remove(generation)
                place.remove_unused()
                return
    raise FacelabelError("no_such_backup", f"{root} has no backup {name!r}.", do="Look at its folders.")


def _add_generation(project: ProjectFolder, place: BackupFolder, progress: Progress) -> BackupReport:
    folder, earlier = place.new_generation(), place.generations()[:1]
    expected = sum(generation.manifest()["files"]["count"] for generation in earlier)
    report = BackupReport(place.root, folder.name)
    try:
        with staged_folder(folder) as unfinished:
            writer = BackupWriter(project, unfinished, report, progress, expected)
            try:
                listed = EarlierEntries(read_entries(earlier[0].folder / FILES) if earlier else iter(()))
                for file in walk(project):
                    entry = _add(place, listed, file, project)
                    if entry is not None:
                        writer.list(entry)
                place.flush()
                writer.finish()
            finally:
                writer.close()
            sync_disk(place.root)
    except OSError as error:
        raise cannot_write(folder, error) from error
    report.new_files, report.new_bytes = place.new_files, place.new_bytes
    return report


def _add(
    place: BackupFolder, listed: EarlierEntries, file: FoundFile, project: ProjectFolder
) -> Entry | None:
    """Add a file unless the backups have it; None if it is gone, or is an image whose bytes have changed."""
    expected = file.named_hash()
    sha256 = expected or _hash_of_view(file, project) or listed.sha256_of(file)
    size = place.size_of(sha256) if sha256 else None
    if sha256 is not None and size is not None:
        return Entry(file.name, size, file.mtime_ns, sha256)
    try:
        entry = place.add(file)
    except FileNotFoundError:
        return None
    return entry if expected in {None, entry.sha256} else None


def _hash_of_view(file: FoundFile, project: ProjectFolder) -> str | None:
    """The hash of a view that is the image file itself under a second name."""
    sha256 = file.view_of()
    if sha256 is None:
        return None
    try:
        image = shard_path(project.stores.images.local_root, sha256, "jpg").stat()
    except OSError:
        return None
    return sha256 if image.st_ino == file.inode else None


def back_up_to_archive(
    project: ProjectFolder, file: Path, *, progress: Progress = lambda *_: None
) -> BackupReport:
    """Write a backup as one new tar archive, which holds the project's folder as it is, and the manifest last.

    Raises:
        FacelabelError: if the file exists already; otherwise as `back_up`. Nothing is left behind then.
    """
    file = file.resolve()
    if file.exists():
        what = f"{file} exists already, and a backup never overwrites anything."
        raise FacelabelError("file_exists", what, do="Name another file.")
    with noted(project, file, "archive"):
        return try_again(lambda: _write_archive(project, file, progress))


def _write_archive(project: ProjectFolder, file: Path, progress: Progress) -> BackupReport:
    parts = file.with_name(f".{file.name}{UNFINISHED}")
    report = BackupReport(file, file.name)
    try:
        remove_unfinished(parts)
        parts.mkdir(parents=True)
        with hold_folder(parts), tarfile.open(parts / "archive", "w", format=tarfile.PAX_FORMAT) as archive:
            writer = BackupWriter(project, parts, report, progress)
            try:
                archive.add(parts / DATABASE, f"{FORMAT}/{DATABASE}")
                for found in walk(project):
                    entry = archive_file(archive, found)
                    if entry is not None:
                        writer.list(entry)
                writer.finish()
            finally:
                writer.close()
            for name in (FILES, MANIFEST):
                archive.add(parts / name, f"{FORMAT}/{name}")
        report.new_files, report.new_bytes = report.files, (parts / "archive").stat().st_size
        sync_disk(parts)
        (parts / "archive").rename(file)
        sync_folder(file.parent)
    except OSError as error:
        raise cannot_write(file, error) from error
    finally:
        shutil.rmtree(parts, ignore_errors=True)
    return report
