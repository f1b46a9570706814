"""The answers of the team's API."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import BaseModel

from annotator.domain.metrics.statistics import Proportion
from annotator.domain.timestamps import utc_text
from annotator.models import ApiToken
from annotator.services.team.label_noise import LabelNoise
from annotator.services.team.metrics import AttributeFigures, LabellerFigures
from annotator.services.team.overview import Member, Team
from annotator.web.http.statistics_contracts import CoefficientOut, ShareOut, coefficient_out


class FiguresOut(BaseModel):
    """What one labeller did. `seconds`: median time an image took, `per_hour`: images at that pace."""

    answers: int
    images: int
    seconds: float | None
    per_hour: float | None
    gold: ShareOut | None
    others: ShareOut | None
    accepted: int
    corrected: int


class TokenOut(BaseModel):
    """A token, without the secret."""

    id: int
    purpose: str
    created_at: str


class MemberOut(BaseModel):
    """A member. Without a password nobody can log in as them; `tokens` are told to admins only."""

    id: int
    name: str
    role: str
    active: bool
    has_password: bool
    me: bool
    figures: FiguresOut
    tokens: list[TokenOut]


class PairOut(BaseModel):
    """Cohen's kappa of two labellers."""

    first: str
    second: str
    kappa: CoefficientOut


class AttributeAgreementOut(BaseModel):
    """Agreement on one attribute; `images` have two answers or more; the pairs with the most images in common."""

    attribute: str
    images: int
    percent: CoefficientOut
    alpha: CoefficientOut
    fleiss: CoefficientOut
    cohen: list[PairOut]


class TeamSettingsOut(BaseModel):
    """The settings in active."""

    overlap_share: float
    overlap_opinions: int
    gold_share: float
    relabel_share: float
    aggregation: str


class NoiseOut(BaseModel):
    """What is known of the wrong labels of an attribute, in figures and in words; `text` is empty if nothing is.

    `suspected`, `gold` and `differing` as shares; `measured`: whether labels are asked again. Of the labels `asked` again,
    `answered` have an answer, and in `otherwise` of these it is another one than the label.
    """

    attribute: str
    suspected: ShareOut | None
    gold: ShareOut | None
    differing: ShareOut | None
    measured: bool
    asked: int
    answered: int
    otherwise: int
    text: str


class TeamOut(BaseModel):
    """The team as the caller may see it; `settings` is null for a labeller.

    `counted_at`: when the worker counted the figures of a large project; null if they are as of now, or, while `counting`
    is true, not counted yet.
    """

    accounts: bool
    manages: bool
    members: list[MemberOut]
    attributes: list[AttributeAgreementOut]
    settings: TeamSettingsOut | None
    noise: list[NoiseOut]
    gold: int
    wanted: int
    counted_at: str | None
    counting: bool


def team_out(team: Team) -> TeamOut:
    """A team as the API tells it."""
    return TeamOut(
        accounts=team.accounts,
        manages=team.manages,
        members=[member_out(member) for member in team.members],
        attributes=[_attribute(figures) for figures in team.attributes],
        settings=TeamSettingsOut(**asdict(team.settings)) if team.settings else None,
        noise=[_noise(known) for known in team.noise],
        gold=team.gold,
        wanted=team.wanted,
        counted_at=utc_text(team.counted_at) if team.counted_at else None,
        counting=team.counting,
    )


def member_out(member: Member) -> MemberOut:
    """A member as the API tells it."""
    account = member.account
    return MemberOut(
        id=account.id,
        name=account.name,
        role=account.role,
        active=account.active,
        has_password=account.password_hash is not None,
        me=member.me,
        figures=_figures(member.figures),
        tokens=[_token(token) for token in member.tokens],
    )


def _figures(figures: LabellerFigures) -> FiguresOut:
    return FiguresOut(
        answers=figures.answers,
        images=figures.images,
        seconds=figures.seconds,
        per_hour=3600 / figures.seconds if figures.seconds else None,
        gold=_share(figures.gold),
        others=_share(figures.others),
        accepted=figures.accepted,
        corrected=figures.corrected,
    )


def _share(found: Proportion | None) -> ShareOut | None:
    if found is None:
        return None
    low, high = found.interval
    return ShareOut(value=found.value, low=low, high=high, count=found.successes, of=found.trials)


def _noise(known: LabelNoise) -> NoiseOut:
    return NoiseOut(
        attribute=known.attribute,
        suspected=_share(known.suspected),
        gold=_share(known.gold),
        differing=_share(known.differing),
        measured=known.measured,
        asked=known.again.asked,
        answered=known.again.answered,
        otherwise=known.again.otherwise,
        text=known.text,
    )


def _token(token: ApiToken) -> TokenOut:
    return TokenOut(id=token.id, purpose=token.name, created_at=utc_text(token.created_at))


def _attribute(figures: AttributeFigures) -> AttributeAgreementOut:
    return AttributeAgreementOut(
        attribute=figures.attribute,
        images=figures.images,
        percent=coefficient_out(figures.percent),
        alpha=coefficient_out(figures.alpha),
        fleiss=coefficient_out(figures.fleiss),
        cohen=[
            PairOut(first=first, second=second, kappa=coefficient_out(kappa))
            for first, second, kappa in figures.cohen
        ],
    )
