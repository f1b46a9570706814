"""What was found out about rounds after they were over: files beside their predictions."""

from __future__ import annotations

from pathlib import Path

from annotator.project import ProjectFolder

REPORT = "report/report.html"
"""The page about a round's training, as `trainer report` writes it into the run's folder."""


def newest_result(project: ProjectFolder, file: str) -> Path | None:
    """The file of that name of the newest round that has one."""
    return max(project.rounds.glob(f"*/run/{file}"), key=round_of_result, default=None)


def round_of_result(file: Path) -> int:
    """The number of the round that a file of its `run` folder is of; 0 if the folder is not one of ours."""
    name = next((folder.parent.name for folder in file.parents if folder.name == "run"), "")
    return int(name) if name.isdecimal() else 0
