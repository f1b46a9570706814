"""The folder in which a worker works on a round.

Its name holds the claim. A worker that continues the round of another one renames the folder, so that the other one, if it was
only slow, does not find it any more: it cannot write among the files of its successor.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from annotator.files import UNFINISHED
from annotator.project import ProjectFolder
from annotator.services.common.claims import Held


@contextmanager
def work_folder(project: ProjectFolder, number: int, held: Held) -> Iterator[Path]:
    """Give the folder with what was done of a round so far; at the end it is `round_folder` again, unless it was taken away."""
    folder = project.rounds / f".{number:04d}-{held.token}"
    _take(project, number, folder)
    try:
        yield folder
    finally:
        with suppress(FileNotFoundError):  # another worker has it
            folder.rename(project.round_folder(number))


def remove_work(project: ProjectFolder, number: int) -> None:
    """Remove all folders of a round, as far as that is possible."""
    for folder in _folders(project, number):
        shutil.rmtree(folder, ignore_errors=True)  # the next worker tries again


def has_work(project: ProjectFolder, number: int) -> bool:
    """Whether a folder of a round is there."""
    return bool(_folders(project, number))


def _folders(project: ProjectFolder, number: int) -> list[Path]:
    official = project.round_folder(number)
    return [*([official] if official.exists() else []), *project.rounds.glob(f".{number:04d}-*")]


def _take(project: ProjectFolder, number: int, folder: Path) -> None:
    project.rounds.mkdir(exist_ok=True)
    while before := _folders(project, number):
        with suppress(FileNotFoundError):  # its worker gave it the name `round_folder` just now
            before[0].rename(folder)
            break
    folder.mkdir(exist_ok=True)
    for unfinished in folder.rglob(f".*{UNFINISHED}"):
        shutil.rmtree(unfinished, ignore_errors=True)  # its writer has no claim any more
