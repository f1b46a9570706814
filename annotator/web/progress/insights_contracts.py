"""The answers of the API of insights."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from annotator.domain.metrics.audit import Measured
from annotator.domain.metrics.noise_ceiling import ceiling_text
from annotator.services.insights.report import AttributeInsights, Insights, curve_of
from annotator.services.insights.throughput import Suggestions
from annotator.services.rounds.comparison import AttributeChange, RoundChanges
from annotator.web.http.contracts import Answer, UtcTime
from annotator.web.http.statistics_contracts import CoefficientOut, coefficient_out


class FigureOut(Answer):
    """A metric with its 95 % interval; `reason` says why a number is null."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None


class PointOut(FigureOut):
    """One round on the learning curve: its balanced accuracy on the audit images that are labelled now."""

    round: int
    labels: int
    images: int
    groups: int


class GainOut(Answer):
    """The expected gain in balanced accuracy from the next 100 labels."""

    value: float
    low: float | None
    high: float | None
    rounds: int


class BinOut(Answer):
    """Answers with about the same probability."""

    images: int
    confidence: float
    right: float


class CalibrationOut(Answer):
    """The calibration error, and the 95 % range it would have if the probabilities were calibrated (`honest`)."""

    error: float
    null_low: float
    null_high: float
    honest: bool
    bins: list[BinOut]


class ValueCountOut(Answer):
    """Images with a value, by split."""

    code: int
    name: str
    train: int
    val: int
    test: int


class CheckOut(Answer):
    """A condition for stopping; `met` is null while it is unknown."""

    name: Literal["stable", "narrow", "gain"]
    met: bool | None
    text: str


class AdviceOut(Answer):
    """Whether to continue labelling, and why."""

    verdict: Literal["start", "go on", "stop"]
    text: str
    checks: list[CheckOut]


class ClassOut(BaseModel):
    """The value of a row and a column of the confusion matrix."""

    code: int
    name: str


class IntervalOut(Answer):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


class CeilingOut(BaseModel):
    """What a perfect model could score on the noisy labels, by `answers` of the kind `source`; `text` says it.

    `balanced_accuracy` is null if one of the labelled values occurs nowhere in them.
    """

    source: Literal["gold", "pairs"]
    answers: int
    accuracy: IntervalOut
    balanced_accuracy: IntervalOut | None
    text: str


class AttributeInsightsOut(BaseModel):
    """The labels and metrics of one attribute. `confusion`: right value (row) and answer (column); null without a round."""

    attribute: str
    title: str
    labelled: int
    unsure: int
    imbalance: float | None = Field(
        description="Images of the most frequent value per image of the rarest one."
    )
    values: list[ValueCountOut]
    curve: list[PointOut]
    gain: GainOut | None
    changed: float | None = Field(description="Share of the answers that the newest round changed.")
    classes: list[ClassOut]
    source: int | None = Field(
        description="The round whose predictions suggest its values, of which `confusion` and `calibration` are."
    )
    confusion: list[list[int]] | None
    calibration: CalibrationOut | None
    agreement: CoefficientOut | None
    ceiling: CeilingOut | None = Field(
        description="Null while too little is known of the noise of the labels."
    )
    advice: AdviceOut


class SuggestionsOut(BaseModel):
    """Cells in which a suggestion was accepted, or was shown and not accepted."""

    accepted: int
    corrected: int


class RoundOnAuditOut(SuggestionsOut):
    """A finished round, and the counts of its suggestions that were accepted and corrected while it was in use."""

    id: int
    finished_at: UtcTime
    labelled: int


class AttributeChangeOut(BaseModel):
    """Balanced accuracy of a round and of the previous one on the same audit labels, and the interval of their difference."""

    attribute: str
    now: FigureOut
    before: FigureOut | None
    difference: FigureOut | None
    changed: float | None = Field(description="Share of the answers that changed.")


class RoundChangesOut(BaseModel):
    """What a round changed. Of the first `head` images of its queue, `new_in_head` were not at the head of the previous queue."""

    previous: int | None
    attributes: list[AttributeChangeOut]
    head: int
    new_in_head: int | None
    report_url: str | None


class DayOut(Answer):
    """Cells answered on a day (UTC), and the hours of work on them."""

    day: str
    cells: int
    hours: float


class PaceOut(Answer):
    """Labelling speed without pauses, and the time that the open cells need at this speed."""

    cells: int
    hours: float
    per_hour: float | None
    open_images: int
    open_cells: int
    hours_left: float | None
    days: list[DayOut]


class LabelsSavedOut(Answer):
    """How many random labels one label chosen by the query strategy is worth, with its 95 % interval; null while unknown.

    `random`, `chosen`: labelled images of the train split, by how they were chosen. `held_out`: images measured on. `saved`: the
    least number of labels saved (lost if negative); null unless the interval excludes 1.
    """

    round: int
    worth: float | None
    low: float | None
    high: float | None
    random: int
    chosen: int
    held_out: int
    saved: int | None
    text: str


class InsightsOut(BaseModel):
    """All metrics. `in_use`: the round whose predictions give the queue."""

    in_use: int | None
    rounds: list[RoundOnAuditOut]
    attributes: list[AttributeInsightsOut]
    pace: PaceOut
    labels_saved: LabelsSavedOut | None = Field(description="Null until a round was analysed.")


def insights_out(insights: Insights) -> InsightsOut:
    """Convert the insights."""
    saved = insights.labels_saved
    return InsightsOut(
        in_use=insights.rounds.in_use,
        rounds=[
            RoundOnAuditOut(
                id=row.id,
                finished_at=row.finished_at,
                labelled=row.labelled,
                **_suggestions(insights, row.id),
            )
            for row in insights.rounds.rounds
        ],
        attributes=[_attribute(insights, entry) for entry in insights.attributes],
        pace=PaceOut.model_validate(insights.pace),
        labels_saved=LabelsSavedOut.model_validate(saved) if saved else None,
    )


def _suggestions(insights: Insights, number: int) -> dict[str, int]:
    shown: list[Suggestions] = [
        counts for (of_round, _), counts in insights.suggestions.items() if of_round == number
    ]
    return {"accepted": sum(s.accepted for s in shown), "corrected": sum(s.corrected for s in shown)}


def _attribute(insights: Insights, entry: AttributeInsights) -> AttributeInsightsOut:
    calibration = insights.rounds.calibration.get(entry.attribute)
    return AttributeInsightsOut(
        attribute=entry.attribute,
        title=entry.title,
        labelled=entry.distribution.labelled,
        unsure=entry.distribution.unsure,
        imbalance=entry.distribution.imbalance,
        values=[ValueCountOut.model_validate(value) for value in entry.distribution.values],
        curve=[_point(*point) for point in curve_of(insights.rounds, entry.attribute)],
        gain=GainOut.model_validate(entry.gain) if entry.gain else None,
        changed=entry.changed,
        classes=[ClassOut(code=code, name=name) for code, name in entry.classes],
        source=insights.rounds.sources.get(entry.attribute),
        confusion=insights.rounds.confusion.get(entry.attribute),
        calibration=CalibrationOut.model_validate(calibration) if calibration else None,
        agreement=coefficient_out(entry.agreement) if entry.agreement else None,
        ceiling=_ceiling(entry),
        advice=AdviceOut.model_validate(entry.advice),
    )


def _ceiling(entry: AttributeInsights) -> CeilingOut | None:
    ceiling = entry.ceiling
    if ceiling is None:
        return None
    balanced = ceiling.balanced_accuracy
    return CeilingOut(
        source="gold" if ceiling.source == "gold" else "pairs",
        answers=ceiling.answers,
        accuracy=IntervalOut.model_validate(ceiling.accuracy),
        balanced_accuracy=IntervalOut.model_validate(balanced) if balanced else None,
        text=ceiling_text(ceiling, [name for _, name in entry.classes]),
    )


def _point(number: int, labels: int, measured: Measured) -> PointOut:
    return PointOut(
        round=number,
        labels=labels,
        images=measured.images,
        groups=measured.groups,
        **FigureOut.model_validate(measured).model_dump(),
    )


def changes_out(changes: RoundChanges, report_url: str | None) -> RoundChangesOut:
    """Convert what a round changed."""
    return RoundChangesOut(
        previous=changes.previous,
        attributes=[_change(change) for change in changes.attributes],
        head=changes.head,
        new_in_head=changes.new_in_head,
        report_url=report_url,
    )


def _change(change: AttributeChange) -> AttributeChangeOut:
    difference = None
    if change.difference is not None:
        value, low, high = change.difference
        difference = FigureOut(value=value, low=low, high=high, reason=None)
    return AttributeChangeOut(
        attribute=change.attribute,
        now=FigureOut.model_validate(change.now),
        before=FigureOut.model_validate(change.before) if change.before else None,
        difference=difference,
        changed=change.changed,
    )
