"""Everything that the insights page shows, cached until something changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.agreement.coefficients import Agreement
from annotator.domain.metrics.audit import Measured
from annotator.domain.metrics.learning_curve import Gain, expected_gain
from annotator.domain.metrics.noise_ceiling import NoiseCeiling
from annotator.domain.metrics.stop_advice import Advice, advise
from annotator.domain.schema import Attribute
from annotator.models import Annotation, Predictions, Project, Submission, SuggestionSource
from annotator.project import ProjectFolder
from annotator.services.common.cached_stats import read_statistics, remember_statistics
from annotator.services.common.counted import counted_state
from annotator.services.insights.label_savings import LabelsSaved, read_labels_saved
from annotator.services.insights.throughput import Pace, Suggestions, labelling_pace, suggestions_by_round
from annotator.services.rounds.metrics import RoundsOnAudit, measure_rounds
from annotator.services.schema.active import ActiveSchema, active_schema
from annotator.services.team.class_balance import DISTRIBUTIONS, Distribution, distributions
from annotator.services.team.metrics import TEAM, AttributeMetrics


@dataclass(frozen=True)
class AttributeInsights:
    """The labels and metrics of one categorical attribute.

    Args:
        attribute: its name.
        title: its title.
        classes: code and name of all its values, in the order of the confusion matrix.
        distribution: the distribution of its labels.
        gain: the expected gain from further labels.
        changed: the share of the answers that the newest round changed.
        advice: whether to continue labelling.
        agreement: Krippendorff's alpha of the people who answered the same images.
        ceiling: what a perfect model could score on these labels; None if too little is known of their noise.
    """

    attribute: str
    title: str
    classes: list[tuple[int, str]]
    distribution: Distribution
    gain: Gain | None
    changed: float | None
    advice: Advice
    agreement: Agreement | None
    ceiling: NoiseCeiling | None


@dataclass(frozen=True)
class Insights:
    """The attributes in schema order, the rounds, the labelling speed, what became of the suggestions, and the labels saved.

    `suggestions` is by round and attribute; `labels_saved` is the newest estimate.
    """

    attributes: list[AttributeInsights]
    rounds: RoundsOnAudit
    pace: Pace
    suggestions: Mapping[tuple[int, str], Suggestions]
    labels_saved: LabelsSaved | None


def read_insights(project: ProjectFolder, session: Session) -> Insights:
    """The current insights; those of a large project may be some seconds old (see common/cached_stats)."""
    active = active_schema(session)
    saved = read_labels_saved(project)
    state = (
        saved,
        active.hash,
        session.scalar(select(func.max(Annotation.id))),
        session.scalar(select(func.max(Submission.id))),
        counted_state(session),
        session.scalar(select(func.max(Predictions.turn))),
        session.scalar(select(func.max(SuggestionSource.id))),
        session.scalar(select(Project.split_seed)),
    )
    return remember_statistics(session, "insights", state, lambda: _read(project, session, active, saved))


def _read(
    project: ProjectFolder, session: Session, active: ActiveSchema, saved: LabelsSaved | None
) -> Insights:
    rounds = measure_rounds(project, session, active)
    balance = read_statistics(session, DISTRIBUTIONS).value or distributions(session)
    team = read_statistics(session, TEAM).value
    of_team = {metrics.attribute: metrics for metrics in team.attributes} if team else {}
    attributes = [
        _attribute(active.schema[name], distribution, rounds, of_team.get(name))
        for name, distribution in balance.items()
    ]
    pace, suggestions = labelling_pace(session), suggestions_by_round(session, active)
    return Insights(attributes, rounds, pace, suggestions, saved)


def _attribute(
    attribute: Attribute, distribution: Distribution, rounds: RoundsOnAudit, team: AttributeMetrics | None
) -> AttributeInsights:
    name = attribute.name
    curve = curve_of(rounds, name)
    gain = expected_gain([labels for _, labels, _ in curve], [measured for _, _, measured in curve])
    changed = rounds.changed.get(name)
    newest = curve[-1][2] if curve else None
    return AttributeInsights(
        name,
        attribute.title,
        [(value.code, value.name) for value in attribute.values],
        distribution,
        gain,
        changed,
        advise(distribution.labelled, newest, changed, gain),
        team.alpha if team else None,
        _ceiling(distribution, team),
    )


def _ceiling(distribution: Distribution, team: AttributeMetrics | None) -> NoiseCeiling | None:
    if team is None or team.noise is None:
        return None
    measured = {value.code: value.test for value in distribution.values}
    every = {value.code: value.train + value.val + value.test for value in distribution.values}
    return team.noise.ceiling(measured if any(measured.values()) else every)


def curve_of(rounds: RoundsOnAudit, attribute: str) -> list[tuple[int, int, Measured]]:
    """Number, labels and balanced accuracy of each round that predicts an attribute, in chronological order."""
    return [
        (row.id, row.labels.get(attribute, 0), row.measured[attribute])
        for row in rounds.rounds
        if attribute in row.measured
    ]
