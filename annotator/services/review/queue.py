"""The review queue: flags, differing opinions, cells without a clear answer, labels that the model contradicts."""

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
from annotator.services.review.label_issues import images_with_label_issues, read_label_issues
from annotator.services.review.listing import Page, find_images

Kind = Literal["flags", "opinions", "undecided", "model"]
_FILTERS: dict[Kind, Filters] = {
    "flags": Filters(flag="open", excluded="without"),
    "opinions": Filters(differing=True, excluded="without"),
    "undecided": Filters(undecided=True, excluded="without"),
    "model": Filters(contradicted=CONFIDENT, excluded="without"),
}


def review_queue(
    project: ProjectFolder, session: Session, kind: Kind, *, after: str | None, limit: int
) -> Page:
    """Find the next images for a reviewer. An image leaves the queue when all its cells are decided, or when it is excluded.

    Images come by name. Images that the model contradicts come by rank if a round searched for label issues.
    """
    issues = read_label_issues(project) if kind == "model" else None
    if issues is not None:
        return images_with_label_issues(session, issues, after=after, limit=limit)
    return find_images(project, session, _FILTERS[kind], after=after, limit=limit)


def is_reviewer(session: Session, labeller_id: int) -> bool:
    """Whether somebody may decide for others: reviewers, admins, and the one user of a project without accounts."""
    name, role = session.execute(select(Labeller.name, Labeller.role).where(Labeller.id == labeller_id)).one()
    return name == LOCAL_LABELLER or may(role, Role.REVIEWER)


def own_view(session: Session, labeller_id: int) -> int | None:
    """Whose answers somebody sees: a labeller only their own (the labeller's id), a reviewer everybody's (None)."""
    return None if is_reviewer(session, labeller_id) else labeller_id


def check_reviewer(session: Session, labeller_id: int) -> None:
    """Refuse labellers who may not decide for others.

    Raises:
        Forbidden: if this labeller is no reviewer.
    """
    if not is_reviewer(session, labeller_id):
        name = session.get_one(Labeller, labeller_id).name
        raise Forbidden("not_a_reviewer", f"{name} is not a reviewer.", do="Ask an admin for the role.")
