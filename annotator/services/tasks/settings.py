"""What a team agreed on: how many images several people answer, what is asked once more and how often, how opinions are merged."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotator.errors import FacelabelError
from annotator.models import Project

Method = Literal["majority", "dawid_skene"]
METHODS: tuple[Method, ...] = ("majority", "dawid_skene")
MAX_OPINIONS = 20
_SHUFFLE_BITS = 56  # of Image.shuffle


@dataclass(frozen=True)
class TeamSettings:
    """The settings of a team.

    Args:
        overlap_share: share of the images, 0 to 1, that several people answer.
        overlap_opinions: how many people answer each of these, 2 to 20.
        gold_share: share, 0 to 0.5, of a labeller's tasks that are gold images while there are any.
        relabel_share: share, 0 to 0.5, of a labeller's tasks that are images with a suspicious label while there are any.
        aggregation: how one label is made of several opinions, majority or dawid_skene.
    """

    overlap_share: float = 0.0
    overlap_opinions: int = 2
    gold_share: float = 0.05
    relabel_share: float = 0.05
    aggregation: str = "majority"

    @property
    def overlap_end(self) -> int:
        """Images whose fixed random number is below this are overlapped: adding images never changes which ones."""
        return int(self.overlap_share * 2.0**_SHUFFLE_BITS)

    @property
    def overlap_rate(self) -> float:
        """The share that further opinions have in the whole work: at this rate they keep pace with new images."""
        further = self.overlap_share * (self.overlap_opinions - 1)
        return further / (1 + further)


_IN_FORCE = select(
    Project.overlap_share,
    Project.overlap_opinions,
    Project.gold_share,
    Project.relabel_share,
    Project.aggregation,
)


def team_settings(session: Session) -> TeamSettings:
    """The current settings."""
    return TeamSettings(*session.connection().execute(_IN_FORCE).one())


def write_settings(session: Session, settings: TeamSettings) -> None:
    """Change the settings. After a change of the overlap, or of whether labels are asked again, call `overlap.want_anew`.

    Raises:
        FacelabelError: if one of them is out of its range.
    """
    for fits, told in (
        (0 <= settings.overlap_share <= 1, "The share of overlapped images is between 0 and 1."),
        (
            2 <= settings.overlap_opinions <= MAX_OPINIONS,
            f"An overlapped image has 2 to {MAX_OPINIONS} opinions.",
        ),
        (0 <= settings.gold_share <= 0.5, "The share of gold images in the work is between 0 and 0.5."),
        (
            0 <= settings.relabel_share <= 0.5,
            "The share of what is asked again in the work is between 0 and 0.5.",
        ),
        (settings.aggregation in METHODS, f"Opinions are merged by {' or '.join(METHODS)}."),
    ):
        if not fits:
            raise FacelabelError("bad_team_setting", told, do="Send another value.")
    session.execute(update(Project).values(**asdict(settings)))
