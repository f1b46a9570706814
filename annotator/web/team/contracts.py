"""The answers of the API of the team."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import BaseModel

from annotator.domain.metrics.anchoring import Anchoring
from annotator.domain.metrics.statistics import Proportion
from annotator.services.access.sessions import BrowserSession
from annotator.services.team.label_noise import LabelNoise
from annotator.services.team.metrics import AttributeMetrics, LabellerMetrics
from annotator.services.team.overview import Member, Team
from annotator.web.http.context import account
from annotator.web.http.contracts import Answer, UtcTime
from annotator.web.http.statistics_contracts import CoefficientOut, ShareOut, coefficient_out


class FiguresOut(BaseModel):
    """The metrics of one labeller. `seconds`: median time per image; `per_hour`: images per hour at that speed."""

    answers: int
    images: int
    seconds: float | None
    per_hour: float | None
    gold: ShareOut | None
    others: ShareOut | None
    accepted: int
    corrected: int


class TokenOut(Answer):
    """A token, without the secret. `last_used_at` is at most ten minutes behind; null: never used."""

    id: int
    purpose: str
    scope: str
    created_at: UtcTime
    expires_at: UtcTime | None
    last_used_at: UtcTime | None


class SessionOut(BaseModel):
    """A browser that is logged in. `current`: it sent this request. `last_used_at` is at most ten minutes behind."""

    id: int
    device: str
    address: str
    created_at: UtcTime
    last_used_at: UtcTime
    current: bool


class MemberOut(BaseModel):
    """A member. Nobody can log in as a member without a password; only admins see `tokens` and `sessions`."""

    id: int
    name: str
    role: str
    active: bool
    has_password: bool
    me: bool
    figures: FiguresOut
    tokens: list[TokenOut]
    sessions: list[SessionOut]


class PairOut(BaseModel):
    """Cohen's kappa of two labellers."""

    first: str
    second: str
    kappa: CoefficientOut


class AttributeAgreementOut(BaseModel):
    """Agreement on one attribute. `images`: images with two or more answers; `cohen`: the pairs with the most images in common."""

    attribute: str
    images: int
    percent: CoefficientOut
    alpha: CoefficientOut
    fleiss: CoefficientOut
    cohen: list[PairOut]


class TeamSettingsOut(BaseModel):
    """The current settings. `overlap_confidence`: from which probability on an overlapped image is asked no further; 1: never."""

    overlap_share: float
    overlap_opinions: int
    overlap_confidence: float
    gold_share: float
    relabel_share: float
    aggregation: str
    withhold_share: float


class NoiseOut(BaseModel):
    """Estimates of the wrong labels of an attribute, in numbers and in words; `text` is empty if there are none.

    `measured`: whether suspicious labels are relabelled. Of the labels `asked` again, `answered` have a new answer, which in
    `otherwise` cases differs from the label.
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


class AgreeingOut(Answer):
    """Of `answers`, how many equal the value that the model suggests."""

    equal: int
    answers: int


class AnchoringOut(BaseModel):
    """How far people follow suggestions: of an attribute, of a labeller, or, if both are null, in sum.

    `shown`: answers with the suggestion in sight; `withheld`: answers without it, from `images` images. `difference`: that of the
    two shares, with its 95 % interval `low` to `high`; null if there are too few answers. `text` says it in a sentence.
    """

    attribute: str | None
    labeller: str | None
    shown: AgreeingOut
    withheld: AgreeingOut
    images: int
    difference: float | None
    low: float | None
    high: float | None
    text: str


class TeamOut(BaseModel):
    """The team as the caller may see it; `settings` is null for a labeller.

        `counted_at`: when the worker computed the metrics of a large project; null if they are current, or, while `counting` is
    `wanted`: overlapped images that lack an opinion. `anchoring`: in sum, by attribute,
        and of the labellers with enough answers; empty if no suggestion was withheld.
    """

    accounts: bool
    manages: bool
    members: list[MemberOut]
    attributes: list[AttributeAgreementOut]
    settings: TeamSettingsOut | None
    noise: list[NoiseOut]
    anchoring: list[AnchoringOut]
    gold: int
    wanted: int
    counted_at: UtcTime | None
    counting: bool


def team_out(team: Team) -> TeamOut:
    """Convert a team."""
    return TeamOut(
        accounts=team.accounts,
        manages=team.manages,
        members=[member_out(member) for member in team.members],
        attributes=[_attribute(metrics) for metrics in team.attributes],
        settings=TeamSettingsOut(**asdict(team.settings)) if team.settings else None,
        noise=[_noise(noise) for noise in team.noise],
        anchoring=_anchoring(team),
        gold=team.gold,
        wanted=team.wanted,
        counted_at=team.counted_at,
        counting=team.counting,
    )


def member_out(member: Member) -> MemberOut:
    """Convert a member."""
    account = member.account
    return MemberOut(
        id=account.id,
        name=account.name,
        role=account.role,
        active=account.active,
        has_password=account.password_hash is not None,
        me=member.me,
        figures=_metrics(member.metrics),
        tokens=[TokenOut.model_validate(token) for token in member.tokens],
        sessions=[session_out(session) for session in member.sessions],
    )


def session_out(session: BrowserSession) -> SessionOut:
    """Convert a session."""
    return SessionOut(**asdict(session), current=session.id == account().session_id)


def _metrics(metrics: LabellerMetrics) -> FiguresOut:
    return FiguresOut(
        answers=metrics.answers,
        images=metrics.images,
        seconds=metrics.seconds,
        per_hour=3600 / metrics.seconds if metrics.seconds else None,
        gold=_share(metrics.gold),
        others=_share(metrics.others),
        accepted=metrics.accepted,
        corrected=metrics.corrected,
    )


def _share(proportion: Proportion | None) -> ShareOut | None:
    if proportion is None:
        return None
    low, high = proportion.interval
    return ShareOut(
        value=proportion.value, low=low, high=high, count=proportion.successes, of=proportion.trials
    )


def _noise(noise: LabelNoise) -> NoiseOut:
    return NoiseOut(
        attribute=noise.attribute,
        suspected=_share(noise.suspected),
        gold=_share(noise.gold),
        differing=_share(noise.differing),
        measured=noise.measured,
        asked=noise.again.asked,
        answered=noise.again.answered,
        otherwise=noise.again.otherwise,
        text=noise.text,
    )


def _anchoring(team: Team) -> list[AnchoringOut]:
    report, names = team.anchoring, {member.account.id: member.account.name for member in team.members}
    if not report.total.withheld.answers:
        return []
    return [
        _compared(report.total),
        *(_compared(one, attribute=name) for name, one in report.attributes.items()),
        *(
            _compared(one, labeller=names[number])
            for number, one in report.people.items()
            if number in names and one.difference is not None
        ),
    ]


def _compared(one: Anchoring, *, attribute: str | None = None, labeller: str | None = None) -> AnchoringOut:
    return AnchoringOut(
        attribute=attribute,
        labeller=labeller,
        shown=AgreeingOut.model_validate(one.shown),
        withheld=AgreeingOut.model_validate(one.withheld),
        images=one.images,
        difference=one.difference,
        low=one.low,
        high=one.high,
        text=one.text,
    )


def _attribute(metrics: AttributeMetrics) -> AttributeAgreementOut:
    return AttributeAgreementOut(
        attribute=metrics.attribute,
        images=metrics.images,
        percent=coefficient_out(metrics.percent),
        alpha=coefficient_out(metrics.alpha),
        fleiss=coefficient_out(metrics.fleiss),
        cohen=[
            PairOut(first=first, second=second, kappa=coefficient_out(kappa))
            for first, second, kappa in metrics.cohen
        ],
    )
