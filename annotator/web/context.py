"""What a request needs to know: the project, the settings, who is asking."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.config import Settings
from annotator.models import Labeller
from annotator.project import ProjectFolder
from annotator.services.projects import LOCAL_LABELLER


@dataclass(frozen=True)
class Context:
    """One served project."""

    project: ProjectFolder
    settings: Settings


def context() -> Context:
    """The context of the app that handles this request."""
    found = current_app.extensions["facelabel"]
    assert isinstance(found, Context)
    return found


def labeller_id(session: Session) -> int:
    """Who is asking: on this machine, without accounts, always the local labeller."""
    return session.scalars(select(Labeller.id).where(Labeller.name == LOCAL_LABELLER)).one()
