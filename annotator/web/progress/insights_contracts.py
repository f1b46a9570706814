"""The answers of the insights' API."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from annotator.domain.metrics.audit import Measured
from annotator.domain.timestamps import utc_text
from annotator.services.insights.label_savings import LabelsSaved
from annotator.services.insights.report import AttributeInsights, Insights, curve_of
from annotator.services.insights.throughput import Pace, Suggestions
from annotator.services.rounds.comparison import AttributeChange, RoundChanges
from annotator.web.http.statistics_contracts import CoefficientOut, coefficient_out


class FigureOut(BaseModel):
    """A figure with its 95 % interval; what is null cannot be said, and `reason` tells why."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None


class PointOut(FigureOut):
    """One round on the learning curve: balanced accuracy on the audit images that are labelled by now."""

    round: int
    labels: int
    images: int
    groups: int


class GainOut(BaseModel):
    """By how much balanced accuracy may rise with the next 100 labels."""

    value: float
    low: float | None
    high: float | None
    rounds: int


class BinOut(BaseModel):
    """Answers of about the same probability."""

    images: int
    confidence: float
    right: float


class CalibrationOut(BaseModel):
    """The calibration error, and the 95 % band it would lie in if the probabilities were honest."""

    error: float
    null_low: float
    null_high: float
    honest: bool
    bins: list[BinOut]


class ValueCountOut(BaseModel):
    """Images with a value, by split."""

    code: int
    name: str
    train: int
    val: int
    test: int


class CheckOut(BaseModel):
    """A condition for stopping; `met` is null while it cannot be told."""

    name: Literal["stable", "narrow", "gain"]
    met: bool | None
    text: str


class AdviceOut(BaseModel):
    """Whether to go on labelling, in words, and why."""

    verdict: Literal["start", "go on", "stop"]
    text: str
    checks: list[CheckOut]


class ClassOut(BaseModel):
    """A row and a column of the confusion matrix."""

    code: int
    name: str


class AttributeInsightsOut(BaseModel):
    """What is known of one attribute. `confusion`: right value (row) and answer (column), null without a round."""

    attribute: str
    title: str
    labelled: int
    unsure: int
    imbalance: float | None = Field(description="Images of the most frequent value for each of the rarest.")
    values: list[ValueCountOut]
    curve: list[PointOut]
    gain: GainOut | None
    changed: float | None = Field(description="Share of the answers that the newest round changed.")
    classes: list[ClassOut]
    confusion: list[list[int]] | None
    calibration: CalibrationOut | None
    agreement: CoefficientOut | None
    advice: AdviceOut


class SuggestionsOut(BaseModel):
    """Cells in which a suggestion was taken as it was, or was shown and not taken."""

    accepted: int
    corrected: int


class RoundOnAuditOut(SuggestionsOut):
    """A finished round, and what became of the suggestions while it was in use."""

    id: int
    finished_at: str
    labelled: int


class AttributeChangeOut(BaseModel):
    """Balanced accuracy of a round and of the one before, on the same audit labels; `difference` with an interval of its own."""

    attribute: str
    now: FigureOut
    before: FigureOut | None
    difference: FigureOut | None
    changed: float | None = Field(description="Share of the answers that are other ones.")


class RoundChangesOut(BaseModel):
    """What a round changed. Of the first `head` images of its queue, `new_in_head` were not at the head before."""

    previous: int | None
    attributes: list[AttributeChangeOut]
    head: int
    new_in_head: int | None
    report_url: str | None


class DayOut(BaseModel):
    """Cells answered on a day (UTC), and the hours that somebody worked on them."""

    day: str
    cells: int
    hours: float


class PaceOut(BaseModel):
    """How fast work goes, pauses left out, and how long the rest takes at this pace."""

    cells: int
    hours: float
    per_hour: float | None
    open_images: int
    open_cells: int
    hours_left: float | None
    days: list[DayOut]


class LabelsSavedOut(BaseModel):
    """What one label that the rule chose is worth in random ones, with its 95 % interval; null where it cannot be told.

    `random`, `chosen`: labelled images of the train split, by what chose them. `held_out`: images that were measured on.
    `saved`: labels that were saved at least (lost, if negative); null unless the interval leaves out 1.
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
    """All figures. `in_use`: the round that queue, suggestions, `confusion` and `calibration` come from."""

    in_use: int | None
    rounds: list[RoundOnAuditOut]
    attributes: list[AttributeInsightsOut]
    pace: PaceOut
    labels_saved: LabelsSavedOut | None = Field(description="Null until a round was looked into.")


def insights_out(found: Insights) -> InsightsOut:
    """The contract's shape of what was read."""
    return InsightsOut(
        in_use=found.rounds.in_use,
        rounds=[
            RoundOnAuditOut(
                id=row.id,
                finished_at=utc_text(row.finished_at),
                labelled=row.labelled,
                **_suggestions(found, row.id),
            )
            for row in found.rounds.rounds
        ],
        attributes=[_attribute(found, entry) for entry in found.attributes],
        pace=_pace(found.pace),
        labels_saved=_labels_saved(found.labels_saved),
    )


def _labels_saved(found: LabelsSaved | None) -> LabelsSavedOut | None:
    if found is None:
        return None
    told = {name: getattr(found, name) for name in LabelsSavedOut.model_fields}
    return LabelsSavedOut(**told)


def _suggestions(found: Insights, number: int) -> dict[str, int]:
    shown: list[Suggestions] = [kept for (of, _), kept in found.suggestions.items() if of == number]
    return {"accepted": sum(s.accepted for s in shown), "corrected": sum(s.corrected for s in shown)}


def _attribute(found: Insights, entry: AttributeInsights) -> AttributeInsightsOut:
    probable = found.rounds.calibration.get(entry.attribute)
    return AttributeInsightsOut(
        attribute=entry.attribute,
        title=entry.title,
        labelled=entry.distribution.labelled,
        unsure=entry.distribution.unsure,
        imbalance=entry.distribution.imbalance,
        values=[ValueCountOut(**vars(value)) for value in entry.distribution.values],
        curve=[_point(*point) for point in curve_of(found.rounds, entry.attribute)],
        gain=GainOut(**vars(entry.gain)) if entry.gain else None,
        changed=entry.changed,
        classes=[ClassOut(code=code, name=name) for code, name in entry.classes],
        confusion=found.rounds.confusion.get(entry.attribute),
        calibration=None
        if probable is None
        else CalibrationOut(
            error=probable.error,
            null_low=probable.null_low,
            null_high=probable.null_high,
            honest=probable.honest,
            bins=[BinOut(**vars(part)) for part in probable.bins],
        ),
        agreement=coefficient_out(entry.agreement) if entry.agreement else None,
        advice=AdviceOut(
            verdict=entry.advice.verdict,
            text=entry.advice.text,
            checks=[CheckOut(**vars(check)) for check in entry.advice.checks],
        ),
    )


def _point(number: int, labels: int, measured: Measured) -> PointOut:
    return PointOut(
        round=number,
        labels=labels,
        images=measured.images,
        groups=measured.groups,
        **figure(measured).model_dump(),
    )


def figure(measured: Measured) -> FigureOut:
    """A measured figure with its interval."""
    return FigureOut(value=measured.value, low=measured.low, high=measured.high, reason=measured.reason)


def changes_out(found: RoundChanges, report_url: str | None) -> RoundChangesOut:
    """The contract's shape of what a round changed."""
    return RoundChangesOut(
        previous=found.previous,
        attributes=[_change(change) for change in found.attributes],
        head=found.head,
        new_in_head=found.new_in_head,
        report_url=report_url,
    )


def _change(change: AttributeChange) -> AttributeChangeOut:
    differs = None
    if change.difference is not None:
        value, low, high = change.difference
        differs = FigureOut(value=value, low=low, high=high, reason=None)
    return AttributeChangeOut(
        attribute=change.attribute,
        now=figure(change.now),
        before=figure(change.before) if change.before else None,
        difference=differs,
        changed=change.changed,
    )


def _pace(pace: Pace) -> PaceOut:
    return PaceOut(
        cells=pace.cells,
        hours=pace.hours,
        per_hour=pace.per_hour,
        open_images=pace.open_images,
        open_cells=pace.open_cells,
        hours_left=pace.hours_left,
        days=[DayOut(**vars(day)) for day in pace.days],
    )
