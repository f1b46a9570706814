"""The team as one of its members may see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.roles import Role, may
from annotator.models import Labeller, OpinionWanted
from annotator.project import ProjectFolder
from annotator.services.access.sessions import BrowserSession, open_sessions
from annotator.services.access.tokens import Token, open_tokens
from annotator.services.accounts import has_accounts
from annotator.services.common.cached_stats import read_statistics
from annotator.services.review.queue import is_reviewer
from annotator.services.tasks.anchoring import AnchoringReport, anchoring
from annotator.services.tasks.settings import TeamSettings, team_settings
from annotator.services.team.gold import count_gold
from annotator.services.team.label_noise import LabelNoise, read_noise
from annotator.services.team.metrics import TEAM, AttributeMetrics, LabellerMetrics, TeamMetrics


@dataclass(frozen=True)
class Member:
    """A labeller with their metrics. `tokens` of their programs and `sessions` of their browsers are for admins only."""

    account: Labeller
    metrics: LabellerMetrics
    me: bool = False
    tokens: list[Token] = field(default_factory=list)
    sessions: list[BrowserSession] = field(default_factory=list)


@dataclass(frozen=True)
class Team:
    """What a member may see. A labeller sees only their own metrics: `settings` is None, the other metrics are empty.

    Args:
        accounts: whether people log in.
        manages: whether this member may make accounts.
        members: the members, with their metrics.
        attributes: the agreement per attribute.
        settings: the team's settings.
        noise: estimates of the wrong labels, per attribute.
        anchoring: how far people follow suggestions.
        gold: the number of gold images.
        wanted: overlapped images that lack an opinion.
        counted_at: when the worker computed the metrics; None if they are current.
        counting: whether the worker has not computed them yet.
    """

    accounts: bool
    manages: bool
    members: list[Member]
    attributes: list[AttributeMetrics]
    settings: TeamSettings | None
    noise: list[LabelNoise]
    anchoring: AnchoringReport
    gold: int
    wanted: int
    counted_at: datetime | None
    counting: bool


def read_team(project: ProjectFolder, session: Session, viewer_id: int) -> Team:
    """The team as this member may see it."""
    statistics = read_statistics(session, TEAM)
    metrics = statistics.value or TeamMetrics({}, [])
    reviews = is_reviewer(session, viewer_id)
    manages = may(session.get_one(Labeller, viewer_id).role, Role.ADMIN)
    tokens = open_tokens(session) if manages else {}
    sessions = open_sessions(session) if manages else {}
    members = [
        Member(
            row,
            metrics.labellers.get(row.id, LabellerMetrics()),
            row.id == viewer_id,
            tokens.get(row.id, []),
            sessions.get(row.id, []),
        )
        for row in session.scalars(select(Labeller).order_by(Labeller.id))
        if row.id == viewer_id or (reviews and (row.password_hash or row.id in metrics.labellers))
    ]
    return Team(
        accounts=has_accounts(session),
        manages=manages,
        members=members,
        attributes=metrics.attributes if reviews else [],
        settings=team_settings(session) if reviews else None,
        noise=read_noise(project, session) if reviews else [],
        anchoring=anchoring(session) if reviews else AnchoringReport(),
        gold=count_gold(session) if reviews else 0,
        wanted=session.scalar(select(func.count()).where(~OpinionWanted.suspected)) or 0 if reviews else 0,
        counted_at=statistics.counted_at,
        counting=statistics.value is None,
    )


def get_member(session: Session, number: int) -> Member:
    """One member, without metrics."""
    return Member(
        session.get_one(Labeller, number),
        LabellerMetrics(),
        tokens=open_tokens(session).get(number, []),
        sessions=open_sessions(session).get(number, []),
    )
