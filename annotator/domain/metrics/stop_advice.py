"""Advise whether to continue labelling an attribute.

The advice is to stop when three conditions hold: the last two models give nearly all images the same answer (stabilising
predictions: Bloodgood & Vijay-Shanker 2009, CoNLL, 39-47), the accuracy is measured precisely enough, and further labels
promise almost no gain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from annotator.domain.metrics.audit import Measured
from annotator.domain.metrics.learning_curve import PER, Gain

STABLE = 0.02
"""The share of answers that may change between two rounds."""
NARROW = 0.05
"""The half-width of an interval that is precise enough."""
LITTLE = 0.005
"""A gain per 100 labels that is not worth the labels."""

Verdict = Literal["start", "go on", "stop"]


@dataclass(frozen=True)
class Check:
    """One of the three conditions; `met` is None while it is unknown."""

    name: Literal["stable", "narrow", "gain"]
    met: bool | None
    text: str


@dataclass(frozen=True)
class Advice:
    """What to do, in one sentence, and the conditions behind it."""

    verdict: Verdict
    text: str
    checks: list[Check]


def advise(labels: int, measured: Measured | None, changed: float | None, gain: Gain | None) -> Advice:
    """The advice for one attribute.

    Args:
        labels: the number of its labels.
        measured: the balanced accuracy of the newest round on the audit set; None without a round.
        changed: the share of images to which the last two rounds give different answers; None with fewer rounds.
        gain: the expected gain from the next labels.
    """
    checks = [_stable(changed), _narrow(measured), _gain(gain)]
    if labels == 0:
        return Advice("start", "Nothing is labelled yet. Label some images, then start a round.", checks)
    if measured is None:
        return Advice(
            "start", "There is no round yet. Start one to see what a model learns from these labels.", checks
        )
    if all(check.met for check in checks):
        return Advice("stop", "You can stop here: more labels would change almost nothing.", checks)
    reasons = {
        "gain": "more labels still help",
        "stable": "predictions are still changing",
        "narrow": "the accuracy is not measured precisely enough to stop",
    }
    because = [
        reasons[name]
        for name in ("gain", "stable", "narrow")
        if any(c.name == name and c.met is False for c in checks)
    ]
    if not because:
        return Advice("go on", "Go on: another round will show whether more labels help.", checks)
    return Advice("go on", f"Go on: {' and '.join(because[:2])}.", checks)


def _stable(changed: float | None) -> Check:
    if changed is None:
        return Check("stable", None, "After two rounds it is known whether predictions still change.")
    return Check(
        "stable",
        changed <= STABLE,
        f"The last round changed {_percent(changed)} of the answers (stable: at most {_percent(STABLE)}).",
    )


def _narrow(measured: Measured | None) -> Check:
    if measured is None:
        return Check("narrow", None, "No model has been measured on the audit set yet.")
    width = measured.half_width
    if measured.value is None or width is None:
        return Check("narrow", False, f"There is no accuracy with an interval yet: {measured.reason}.")
    return Check(
        "narrow",
        width <= NARROW,
        f"{measured.images} audit images measure the accuracy to ±{_points(width)} (required: ±{_points(NARROW)}).",
    )


def _gain(gain: Gain | None) -> Check:
    if gain is None:
        return Check(
            "gain",
            None,
            "The gain is known once one round has clearly more labels than another.",
        )
    between = (
        ""
        if gain.low is None or gain.high is None
        else f" (95 %: {_signed(gain.low)} to {_signed(gain.high)})"
    )
    return Check(
        "gain", gain.value < LITTLE, f"The next {PER} labels may add {_points(gain.value)}{between}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")
