"""What wants a reviewer: flags, differing opinions, cells without a clear answer, labels that the model contradicts."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.roles import LOCAL_LABELLER, Role, may
from annotator.errors import Forbidden
from annotator.models import Labeller
from annotator.project import ProjectFolder
from annotator.services.review.details import CONFIDENT
from annotator.services.review.filters import Filters
from annotator.services.review.label_issues import find_suspected, read_suspicions
from annotator.services.review.listing import Page, find_images

Kind = Literal["flags", "opinions", "undecided", "model"]
_FILTERS: dict[Kind, Filters] = {
    "flags": Filters(flag="open"),
    "opinions": Filters(differing=True),
    "undecided": Filters(undecided=True),
    "model": Filters(contradicted=CONFIDENT),
}


def review_queue(
    project: ProjectFolder, session: Session, kind: Kind, *, after: str | None, limit: int
) -> Page:
    """The next images that want a reviewer; an image leaves when all its cells are decided.

    They come by name; those that the model contradicts by rank, if label errors were looked for.
    """
    suspicions = read_suspicions(project) if kind == "model" else None
    if suspicions is not None:
        return find_suspected(session, suspicions, after=after, limit=limit)
    return find_images(project, session, _FILTERS[kind], after=after, limit=limit)


def is_reviewer(session: Session, labeller_id: int) -> bool:
    """Whether somebody may decide for others: reviewers and admins, and who works alone on their own machine."""
    name, role = session.execute(select(Labeller.name, Labeller.role).where(Labeller.id == labeller_id)).one()
    return name == LOCAL_LABELLER or may(role, Role.REVIEWER)


def check_reviewer(session: Session, labeller_id: int) -> None:
    """Let nobody decide for others who may not.

    Raises:
        Forbidden: if this labeller is no reviewer.
    """
    if not is_reviewer(session, labeller_id):
        name = session.get_one(Labeller, labeller_id).name
        raise Forbidden("not_a_reviewer", f"{name} is no reviewer.", do="Ask an admin for the role.")
