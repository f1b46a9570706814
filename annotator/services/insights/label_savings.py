"""How many random labels one label chosen by the query strategy is worth: the input and the result of `trainer labels-saved`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.plurals import counted
from annotator.domain.states import SubmissionKind
from annotator.files import write_atomically
from annotator.formats.snapshot.csv_text import csv_text
from annotator.models import Image, Submission
from annotator.project import ProjectFolder
from annotator.services.common.counted import COUNTED
from annotator.services.common.round_artifacts import newest_result, round_of_result

FILE = "labels_saved.json"
SELECTION = "selection.csv"


@dataclass(frozen=True)
class LabelsSaved:
    """The estimate of a round; FORMATS.md explains its numbers. If `worth` is None, `missing` says what is missing."""

    round: int
    worth: float | None
    low: float | None
    high: float | None
    random: int
    chosen: int
    held_out: int
    trained_on: int
    saved: int | None
    missing: str | None

    @property
    def text(self) -> str:
        """The estimate in one or two sentences."""
        if self.worth is None or self.low is None:
            return f"It is not yet known what a label chosen by the query strategy is worth: {self.missing}."
        interval = f"at least {self.low:.1f}" if self.high is None else f"{self.low:.1f} to {self.high:.1f}"
        worth = (
            f"One label chosen by the query strategy was worth {self.worth:.1f} random ones (95 %: {interval}), measured on "
            f"{self.held_out:,} audit images with {self.random:,} random and {self.chosen:,} chosen labels."
        )
        if self.saved is None:
            return f"{worth} The query strategy is not shown to save labels."
        if self.saved < 0:
            return f"{worth} Random images would have needed at least {-self.saved:,} labels fewer for the same accuracy."
        return f"{worth} At least {counted(self.saved, 'label was', 'labels were')} saved."


def write_selection(session: Session, to: Path) -> None:
    """Write the probability with which each answered image was drawn when it was first given to a labeller (FORMATS.md)."""
    first = (
        select(func.min(Submission.id))
        .where(Submission.kind == SubmissionKind.ANSWER, Submission.drawn.is_not(None))
        .group_by(Submission.image_id)
    )
    query = select(Image.name, Submission.drawn).join(Submission, Submission.image_id == Image.id)
    rows = session.execute(query.where(Submission.id.in_(first), COUNTED).order_by(Image.name))
    text = csv_text(("image_name", "drawn"), ((name, f"{drawn:.6g}") for name, drawn in rows))
    write_atomically(to, text.encode())


def read_labels_saved(project: ProjectFolder) -> LabelsSaved | None:
    """The newest estimate; None if there is none, or if it cannot be read."""
    file = newest_result(project, FILE)
    if file is None:
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        estimate = {name: content[name] for name in LabelsSaved.__annotations__ if name != "round"}
        return LabelsSaved(round_of_result(file), **estimate)
    except (OSError, KeyError, TypeError, ValueError):
        return None
