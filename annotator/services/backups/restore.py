"""Check backups, and restore one into another folder: every byte is checked on its way, and the folder is whole or absent."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotator.errors import FacelabelError, WrongUse
from annotator.files import cannot_write, keep_private, link_into, shard_path, staged_folder, sync_disk
from annotator.formats.snapshot.manifest import damaged, read_manifest, sha256_of
from annotator.project import ProjectFolder
from annotator.services.access.sessions import end_all_sessions
from annotator.services.backups.archive import unpack
from annotator.services.backups.contents import PARTS, Entry, read_entries
from annotator.services.backups.folder import (
    DATABASE,
    FILES,
    FORMAT,
    MANIFEST,
    BackupFolder,
    Generation,
    copy_hashed,
)
from annotator.services.backups.manifest import Progress, inspect_database
from annotator.services.backups.places import unschedule_all


@dataclass
class RestoreReport:
    """What was restored; `lost`: files that the backup lists and does not have whole."""

    path: Path
    backup: str
    created_at: str
    counts: dict[str, int]
    files: int = 0
    lost: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return vars(self) | {"path": str(self.path)}


def restore(
    source: Path,
    target: Path,
    *,
    name: str | None = None,
    keep_going: bool = False,
    progress: Progress = lambda *_: None,
) -> RestoreReport:
    """Restore a backup into a new folder, which is then a project.

    Args:
        source: a folder with backups, one backup of it, or an archive.
        target: the folder to create; it must be missing or empty.
        name: which backup of a folder; None: the newest one.
        keep_going: restore the rest if contents are missing or damaged.
        progress: is told the progress.

    Raises:
        WrongUse: if the target is not empty, or the source is no backup.
        FacelabelError: if the backup is damaged; nothing is left behind then.
        NoRoom: if the disk is full; nothing is left behind then.
    """
    keep_private()
    target = target.resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        what = f"{target} is not empty, and a restore never overwrites anything."
        raise WrongUse("not_empty", what, do="Name a new folder; the restored project can be renamed later.")
    try:
        with staged_folder(target) as unfinished:
            if source.is_file():
                report = _unpack_archive(source, unfinished)
            else:
                report = _copy_generation(find_generation(source, name), unfinished, keep_going, progress)
            _open(ProjectFolder(unfinished), report)
            sync_disk(unfinished)
    except OSError as error:
        raise cannot_write(target, error) from error
    report.path = target
    return report


def verify_backup(
    source: Path, name: str | None = None, progress: Progress = lambda *_: None
) -> dict[str, Any]:
    """Check every byte of a backup in a folder and return its manifest.

    Raises:
        WrongUse: if the source is no backup.
        FacelabelError: it names what is missing or was changed.
    """
    generation = find_generation(source, name)
    place = BackupFolder(generation.folder.parent)
    manifest = _checked_manifest(generation)
    inspect_database(generation.folder / DATABASE)
    checked: set[str] = set()
    for number, entry in enumerate(read_entries(generation.folder / FILES)):
        path = place.content(entry.sha256)
        if entry.sha256 not in checked and (not path.is_file() or sha256_of(path) != entry.sha256):
            raise damaged(generation.folder, f"the content of {entry.name} is missing or was changed")
        checked.add(entry.sha256)
        progress(number + 1, manifest["files"]["count"])
    return manifest


def is_backup(path: Path) -> bool:
    """Whether a folder holds backups, or is one of them."""
    return BackupFolder.is_one(path) or BackupFolder.is_one(path.parent)


def find_generation(source: Path, name: str | None = None) -> Generation:
    """Return a backup: the one that a folder is, or the one of this name in it, or the newest one.

    Raises:
        WrongUse: if there is none.
    """
    if BackupFolder.is_one(source.parent) and (source / MANIFEST).is_file() and name is None:
        return Generation(source, str(read_manifest(source, FORMAT)["created_at"]))
    generations = BackupFolder(source).generations() if BackupFolder.is_one(source) else []
    for generation in generations:
        if name in {None, generation.name}:
            return generation
    wanted = "no whole backup" if name is None else f"no whole backup {name!r}"
    others = f" It has {', '.join(g.name for g in generations)}." if generations else ""
    raise WrongUse(
        "no_backup", f"{source} holds {wanted}.{others}", do="Name a folder that `facelabel backup` made."
    )


def _checked_manifest(generation: Generation) -> dict[str, Any]:
    manifest = generation.manifest()
    for name, part in ((DATABASE, "database"), (FILES, "files")):
        path = generation.folder / name
        if not path.is_file() or sha256_of(path) != manifest[part]["sha256"]:
            raise damaged(generation.folder, f"{name} is missing or was changed")
    return manifest


def _copy_generation(
    generation: Generation, folder: Path, keep_going: bool, progress: Progress
) -> RestoreReport:
    manifest, place = _checked_manifest(generation), BackupFolder(generation.folder.parent)
    report = RestoreReport(folder, generation.name, manifest["created_at"], manifest["counts"])
    for entry in read_entries(generation.folder / FILES):
        if not _is_safe(entry.name):
            raise damaged(generation.folder, f"{entry.name!r} does not belong into a backup")
        if _place(place, entry, folder):
            report.files += 1
        elif keep_going:
            report.lost.append(entry.name)
        else:
            raise FacelabelError(
                "damaged_backup",
                f"The content of {entry.name} is missing or damaged in {place.root}.",
                do="Restore another backup with --name, or the rest of this one with --keep-going.",
            )
        progress(report.files + len(report.lost), manifest["files"]["count"])
    with (generation.folder / DATABASE).open("rb") as database:
        copy_hashed(database, folder / DATABASE)
    return report


def _place(place: BackupFolder, entry: Entry, folder: Path) -> bool:
    """Write a file; return whether the backup has it whole."""
    path = folder / entry.name
    image = shard_path(folder / "images", entry.sha256, path.suffix[1:])
    if path != image and image.exists():
        link_into(str(path), str(image))
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with place.content(entry.sha256).open("rb") as content:
            sha256, _ = copy_hashed(content, path)
    except OSError:
        sha256 = ""
    if sha256 != entry.sha256:
        path.unlink(missing_ok=True)
        return False
    os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))
    return True


def _unpack_archive(file: Path, folder: Path) -> RestoreReport:
    held = unpack(file, folder)
    manifest = read_manifest(folder, FORMAT)
    for name, part in ((DATABASE, "database"), (FILES, "files")):
        if name not in held or held[name].sha256 != manifest[part]["sha256"]:
            raise damaged(file, f"{name} is missing or was changed")
    listed = {entry.name: entry for entry in read_entries(folder / FILES)}
    for name, entry in listed.items():
        if name not in held or held[name].sha256 != entry.sha256:
            raise damaged(file, f"{name} is missing or was changed")
        os.utime(folder / name, ns=(entry.mtime_ns, entry.mtime_ns))
    for name in (FILES, MANIFEST):
        (folder / name).unlink()
    return RestoreReport(folder, file.name, manifest["created_at"], manifest["counts"], len(listed))


def _open(project: ProjectFolder, report: RestoreReport) -> None:
    """Check the restored database, migrate it, end its schedules and logins; it is left without a log."""
    facts = inspect_database(project.database_file)
    if facts.counts != report.counts:
        raise damaged(project.path, "its database has other counts than the manifest")
    opened = ProjectFolder.open(project.path)
    with opened.database.write() as session:
        unschedule_all(session)
        end_all_sessions(session)  # one may have been ended since the backup
    opened.database.checkpoint()
    opened.database.close()
    for end in ("-wal", "-shm", "-generation"):
        with suppress(FileNotFoundError):
            Path(f"{project.database_file}{end}").unlink()


def _is_safe(name: str) -> bool:
    parts = name.split("/")
    return parts[0] in PARTS and not {"", ".", ".."} & set(parts)
