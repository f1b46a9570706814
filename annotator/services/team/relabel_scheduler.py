"""Schedule the most suspicious labels for relabeling where labels are noisy. Each label is scheduled only once."""

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
from annotator.services.common.votes import read_opinions
from annotator.services.review.label_issues import FILE, OpenLabelIssue, open_label_issues, read_label_issues
from annotator.services.schema.active import active_schema
from annotator.services.tasks.overlap import list_wanted_opinions
from annotator.services.tasks.settings import team_settings
from annotator.services.team.label_noise import noise_of

MOST = 100
"""The largest number of suspicious labels that wait for a new answer."""


class RelabelScheduler:
    """Schedules labels from each new list of label issues once.

    Args:
        project: the project.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._seen: tuple[Path, int] | None = None

    def schedule_if_new(self) -> None:
        """Schedule the most suspicious labels of the newest list, unless it was processed before."""
        file = newest_result(self._project, FILE)
        if file is None:
            return
        version = file, file.stat().st_mtime_ns
        if version != self._seen:
            schedule_relabeling(self._project)
            self._seen = version


def schedule_relabeling(project: ProjectFolder) -> int:
    """Schedule the most suspicious labels of the attributes whose labels are noisy.

    Returns:
        How many labels were scheduled; the next call schedules none of them again.
    """
    suspicions = read_label_issues(project)
    if suspicions is None:
        return 0
    with project.database.read() as session:
        # Every answer after this submission counts as an answer to the suspicion.
        newest = session.scalar(select(func.max(Submission.id)))
        suspects = open_label_issues(session, suspicions)
        ids = active_schema(session).ids
        noisy = {ids[noise.attribute] for noise in noise_of(session, suspects) if noise.measured}
        room = MOST - (session.scalar(select(func.count()).where(OpinionWanted.suspected)) or 0)
        chosen = list(islice(_candidates(session, suspects, noisy), max(0, room)))
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


def _candidates(
    session: Session, suspects: list[OpenLabelIssue], noisy: set[int]
) -> Iterator[OpenLabelIssue]:
    """The suspects of noisy attributes, without gold images, images with several opinions, and images scheduled before."""
    overlap_end = team_settings(session).overlap_end
    settled = set(session.scalars(select(AskedAgain.image_id))) | set(session.scalars(select(Gold.image_id)))
    settled |= set(read_opinions(session, INDEPENDENT).shared().image.tolist())
    for suspect in suspects:
        image = suspect.image
        overlapped = image.shuffle < overlap_end  # several people answer it anyway
        if (
            suspect.attribute_id in noisy
            and image.open_cells == 0
            and not overlapped
            and image.id not in settled
        ):
            yield suspect
