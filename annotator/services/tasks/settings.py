"""The settings of a team: overlap, gold images, images asked again, withheld suggestions, and how opinions become labels."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from operator import attrgetter
from typing import Literal

from sqlalchemy.orm import Session

from annotator.errors import FacelabelError
from annotator.services.project_settings import change_project_settings, project_settings

Method = Literal["majority", "dawid_skene"]
METHODS: tuple[Method, ...] = ("majority", "dawid_skene")
MAX_OPINIONS = 20
MAX_WITHHELD = 0.2
"""The largest share of withheld suggestions; four times as many answers are compared with them."""
_SHUFFLE_BITS = 56  # of Image.shuffle


@dataclass(frozen=True)
class TeamSettings:
    """The settings of a team.

    Args:
        overlap_share: fraction of the images, 0 to 1, that several people answer.
        overlap_opinions: people who answer each of these at most, 2 to 20.
        overlap_confidence: the posterior probability, 0.5 to 1, from which on the answers to an overlapped image are sure enough
            and nobody else is asked; two people answer in any case. 1: always as many people as may.
        gold_share: fraction of a labeller's tasks, 0 to 0.5, that are gold images, as long as there are any.
        relabel_share: fraction of a labeller's tasks, 0 to 0.5, that are images with a suspicious label, as long as there are any.
        aggregation: the method that merges opinions into a label, majority or dawid_skene.
        withhold_share: fraction of the images, 0 to MAX_WITHHELD, that a labeller gets without suggestions, to measure how far
            people follow them (services/tasks/withholding).
    """

    overlap_share: float = 0.0
    overlap_opinions: int = 2
    overlap_confidence: float = 1.0
    gold_share: float = 0.05
    relabel_share: float = 0.05
    aggregation: str = "majority"
    withhold_share: float = 0.03

    @property
    def overlap_end(self) -> int:
        """Images overlap if their fixed random number is below this. New images never change which ones do."""
        return int(self.overlap_share * 2.0**_SHUFFLE_BITS)

    @property
    def overlap_rate(self) -> float:
        """The fraction of all tasks at which further opinions keep pace with new images, if nobody stops early."""
        further = self.overlap_share * (self.overlap_opinions - 1)
        return further / (1 + further)


_OF_TEAM = attrgetter(*(field.name for field in fields(TeamSettings)))


def team_settings(session: Session) -> TeamSettings:
    """Read the current settings."""
    return TeamSettings(*_OF_TEAM(project_settings(session)))


def write_settings(session: Session, settings: TeamSettings) -> None:
    """Change the settings. If the overlap or `relabel_share` changed, call `overlap.rebuild_wanted_opinions` afterwards.

    Raises:
        FacelabelError: if a setting is out of its range.
    """
    for valid, message in (
        (0 <= settings.overlap_share <= 1, "The share of overlapped images must be between 0 and 1."),
        (
            2 <= settings.overlap_opinions <= MAX_OPINIONS,
            f"An overlapped image must have 2 to {MAX_OPINIONS} opinions.",
        ),
        (
            0.5 <= settings.overlap_confidence <= 1,
            "The probability from which on nobody else is asked must be between 0.5 and 1.",
        ),
        (0 <= settings.gold_share <= 0.5, "The share of gold images must be between 0 and 0.5."),
        (
            0 <= settings.relabel_share <= 0.5,
            "The share of images that are asked again must be between 0 and 0.5.",
        ),
        (
            0 <= settings.withhold_share <= MAX_WITHHELD,
            f"The share of withheld suggestions must be between 0 and {MAX_WITHHELD:g}.",
        ),
        (settings.aggregation in METHODS, f"Opinions can be merged by {' or '.join(METHODS)}."),
    ):
        if not valid:
            raise FacelabelError("bad_team_setting", message, do="Send another value.")
    change_project_settings(session, **asdict(settings))
