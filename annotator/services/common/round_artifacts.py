"""Files that are computed for a round after it is done, beside its predictions."""

from __future__ import annotations

from pathlib import Path

from annotator.project import ProjectFolder

REPORT = "report/report.html"
"""The report of a round's training, which `trainer report` writes into the folder of its run."""

TRIALS = "trials/trials.json"
"""The networks that `trainer try-networks` tried on a round's snapshot. Their predictions are in folders beside it."""


def newest_result(project: ProjectFolder, file: str) -> Path | None:
    """Return the file of this name of the newest round that has one; None if no round has one."""
    return max(project.rounds.glob(f"*/run/{file}"), key=round_of_result, default=None)


def round_of_result(file: Path) -> int:
    """Return the number of the round whose `run` folder holds a file; 0 if the file is in no such folder."""
    name = next((folder.parent.name for folder in file.parents if folder.name == "run"), "")
    return int(name) if name.isdecimal() else 0


def round_of_folder(folder: Path) -> int | None:
    """Return the number of the round that a folder in `rounds` is, or in which a worker works on it; None for other folders."""
    name = folder.name.removeprefix(".").partition("-")[0]
    return int(name) if name.isdecimal() else None
