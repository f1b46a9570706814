"""Whether there is a map of the images, and whether another one is being made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.common.counted import COUNTED
from annotator.services.common.image_maps import FAILED, LISTED, WANTED, list_maps, map_folder, map_points

NEEDS = ("openTSNE", "torch")
"""The packages without which no map can be made."""
State = Literal["ready", "waiting", "computing", "failed", "impossible"]


@dataclass(frozen=True)
class MapState:
    """The newest map; `number`, `file` and `made_at` are None while there is none.

    Args:
        number: its number.
        file: its file.
        made_at: when it was made.
        images: how many images are on it.
        counted: how many images the project has, without excluded ones.
        state: what becomes of the next one.
        message: why, in a sentence; empty if all is well.
    """

    number: int | None
    file: Path | None
    made_at: datetime | None
    images: int
    counted: int
    state: State
    message: str


def missing_packages() -> list[str]:
    """The packages that a map needs and that are not installed."""
    return [name for name in NEEDS if find_spec(name) is None]


def read_map_state(project: ProjectFolder, session: Session) -> MapState:
    """Read the state of the map."""
    counted = session.scalar(select(func.count()).select_from(Image).where(COUNTED)) or 0
    state, message = _state(map_folder(project))
    newest = next(iter(list_maps(project)), None)
    if newest is None:
        return MapState(None, None, None, 0, counted, state, message)
    made_at = datetime.fromtimestamp(newest.file.stat().st_mtime, UTC)
    images = len(map_points(session, newest).ids)
    return MapState(newest.number, newest.file, made_at, images, counted, state, message)


def _state(folder: Path) -> tuple[State, str]:
    missing = missing_packages()
    if missing:
        return "impossible", (
            f"A map needs the package {missing[0]}, which is not installed. Call `pip install 'facelabel[train]'`, "
            "and start Facelabel again."
        )
    if (folder / LISTED).exists():
        return "computing", "The map is being made."
    if (folder / WANTED).exists():
        return "waiting", "The map is made as soon as the worker has nothing else to do."
    try:
        return "failed", (folder / FAILED).read_text(encoding="utf-8")
    except FileNotFoundError:
        return "ready", ""
