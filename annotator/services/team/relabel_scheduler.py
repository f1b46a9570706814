"""Puts the most suspicious labels up to be asked again when noise is measured: once each, whatever becomes of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from annotator.domain.states import INDEPENDENT
from annotator.models import AskedAgain, Gold, OpinionWanted, Submission
from annotator.project import ProjectFolder
from annotator.services.common.round_artifacts import newest_result
from annotator.services.review.label_issues import FILE, OpenLabelIssue, open_label_issues, read_label_issues
from annotator.services.schema.active import active_schema
from annotator.services.tasks.overlap import list_wanted_opinions
from annotator.services.tasks.settings import team_settings
from annotator.services.team.label_noise import noise_of
from annotator.services.team.votes import read_opinions

MOST = 100
"""Suspicious labels that wait at a time."""


class AskingAgain:
    """Looks at each list of label errors once, when it is new.

    Args:
        project: The project.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._seen: tuple[Path, int] | None = None

    def look(self) -> None:
        """Ask again what the newest list is most suspicious of, if it was not looked at; returns at once otherwise."""
        file = newest_result(self._project, FILE)
        if file is None:
            return
        found = file, file.stat().st_mtime_ns
        if found != self._seen:
            ask_again(self._project)
            self._seen = found


def ask_again(project: ProjectFolder) -> int:
    """Put up the most suspicious labels of the attributes whose noise is measured. Returns how many; the next call adds none twice."""
    suspicions = read_label_issues(project)
    if suspicions is None:
        return 0
    with project.database.read() as session:
        # What is said after this moment answers the suspicion.
        newest = session.scalar(select(func.max(Submission.id)))
        suspects = open_label_issues(session, suspicions)
        ids = active_schema(session).ids
        noisy = {ids[noise.attribute] for noise in noise_of(session, suspects) if noise.measured}
        room = MOST - (session.scalar(select(func.count()).where(OpinionWanted.suspected)) or 0)
        chosen = list(islice(_askable(session, suspects, noisy), max(0, room)))
    if not chosen:
        return 0
    with project.database.write() as session:
        rows = [
            {
                "image_id": suspect.image.id,
                "attribute_id": suspect.attribute_id,
                "code": suspect.code,
                "submission_id": newest,
            }
            for suspect in chosen
        ]
        session.execute(insert(AskedAgain), rows)
        list_wanted_opinions(session, team_settings(session), {suspect.image.id for suspect in chosen})
    return len(chosen)


def _askable(session: Session, suspects: list[OpenLabelIssue], noisy: set[int]) -> Iterator[OpenLabelIssue]:
    """Suspects of noisy attributes in images of which nobody knows or was asked more yet."""
    overlap_end = team_settings(session).overlap_end
    passed = set(session.scalars(select(AskedAgain.image_id))) | set(session.scalars(select(Gold.image_id)))
    passed |= set(read_opinions(session, INDEPENDENT).shared().image.tolist())
    for suspect in suspects:
        image = suspect.image
        overlapped = image.shuffle < overlap_end  # it is asked again anyhow
        known = image.id in passed or overlapped
        if suspect.attribute_id in noisy and image.open_cells == 0 and not known:
            yield suspect
