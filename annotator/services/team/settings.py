"""Changing what a team agreed on."""

from __future__ import annotations

from annotator.database import Session
from annotator.services.tasks.overlap import rebuild_wanted_opinions
from annotator.services.tasks.settings import TeamSettings, team_settings, write_settings


def change_team_settings(session: Session, settings: TeamSettings) -> None:
    """Store new settings, and choose the images that want a further opinion again if the change concerns these.

    Raises:
        FacelabelError: if a value is out of range.
    """
    before = team_settings(session)
    write_settings(session, settings)
    if _wanted_by(before) != _wanted_by(settings):
        rebuild_wanted_opinions(session)


def _wanted_by(settings: TeamSettings) -> tuple[int, int, float, bool]:
    """The settings that decide which images want a further opinion."""
    overlap = settings.overlap_end, settings.overlap_opinions, settings.overlap_confidence
    return *overlap, settings.relabel_share > 0
