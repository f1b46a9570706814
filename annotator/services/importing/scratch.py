"""The scratch folder of an import, and the removal of what killed imports left behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annotator.files import cannot_write
from annotator.project import ProjectFolder

_SCRATCH = ".import-"


@contextmanager
def scratch_folder(project: ProjectFolder) -> Iterator[Path]:
    """Give a folder for unpacked files, on the project's disk, that exists while an import runs.

    Several imports may run at once. An import that runs alone first removes the leftovers of killed imports.

    Raises:
        NoRoom: if the disk is full.
    """
    descriptor = os.open(project.path, os.O_RDONLY)
    try:
        _clean_up_if_alone(project, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=project.path) as scratch:
            yield Path(scratch)
    except BaseException as error:
        _clean_up_if_alone(project, descriptor)  # a full disk needs the space
        if isinstance(error, OSError):
            raise cannot_write(project.path, error) from error
        raise
    finally:
        os.close(descriptor)


def remove_scratch(project: ProjectFolder) -> None:
    """Remove what killed imports left behind, unless an import is running."""
    descriptor = os.open(project.path, os.O_RDONLY)
    try:
        _clean_up_if_alone(project, descriptor)
    finally:
        os.close(descriptor)


def _clean_up_if_alone(project: ProjectFolder, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    for leftover in project.path.glob(f"{_SCRATCH}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for store in (project.stores.images, project.stores.views, project.stores.photos):
        store.clean_up()
