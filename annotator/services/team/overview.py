"""The team as one of its members may see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.roles import Role, may
from annotator.models import ApiToken, Gold, Labeller, OpinionWanted
from annotator.project import ProjectFolder
from annotator.services.accounts import has_accounts, open_tokens
from annotator.services.common.cached_stats import read_statistics
from annotator.services.review.queue import is_reviewer
from annotator.services.tasks.settings import TeamSettings, team_settings
from annotator.services.team.label_noise import LabelNoise, read_noise
from annotator.services.team.metrics import TEAM, AttributeFigures, LabellerFigures, TeamFigures


@dataclass(frozen=True)
class Member:
    """Somebody who answers. `tokens`: of their programs; only admins are told."""

    account: Labeller
    figures: LabellerFigures
    me: bool = False
    tokens: list[ApiToken] = field(default_factory=list)


@dataclass(frozen=True)
class Team:
    """What a member sees. `settings` is None, `attributes` and `noise` are empty for a labeller, who is told their own figures only.

    `accounts`: whether anybody logs in. `manages`: whether this member makes accounts. `gold`: gold images. `wanted`:
    overlapped images that lack an opinion. `noise`: what is known of wrong labels. `counted_at`: when the figures were counted, None if just now; `counting`: they
    have not been counted yet.
    """

    accounts: bool
    manages: bool
    members: list[Member]
    attributes: list[AttributeFigures]
    settings: TeamSettings | None
    noise: list[LabelNoise]
    gold: int
    wanted: int
    counted_at: datetime | None
    counting: bool


def read_team(project: ProjectFolder, session: Session, viewer_id: int) -> Team:
    """The team as this member may see it."""
    kept = read_statistics(session, TEAM)
    figures = kept.value or TeamFigures({}, [])
    reviews = is_reviewer(session, viewer_id)
    manages = may(session.get_one(Labeller, viewer_id).role, Role.ADMIN)
    tokens = open_tokens(session) if manages else {}
    members = [
        Member(
            row, figures.labellers.get(row.id, LabellerFigures()), row.id == viewer_id, tokens.get(row.id, [])
        )
        for row in session.scalars(select(Labeller).order_by(Labeller.id))
        if row.id == viewer_id or (reviews and (row.password_hash or row.id in figures.labellers))
    ]
    return Team(
        accounts=has_accounts(session),
        manages=manages,
        members=members,
        attributes=figures.attributes if reviews else [],
        settings=team_settings(session) if reviews else None,
        noise=read_noise(project, session) if reviews else [],
        gold=session.scalar(select(func.count(Gold.id))) or 0 if reviews else 0,
        wanted=session.scalar(select(func.count()).where(~OpinionWanted.suspected)) or 0 if reviews else 0,
        counted_at=kept.counted_at,
        counting=kept.value is None,
    )


def get_member(session: Session, number: int) -> Member:
    """One account, without its figures."""
    return Member(
        session.get_one(Labeller, number), LabellerFigures(), tokens=open_tokens(session).get(number, [])
    )
