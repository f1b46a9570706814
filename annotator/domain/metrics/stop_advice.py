"""Whether to go on labelling an attribute, in words.

Three things must be true before anybody should stop: the last two models give nearly all images the same answer
(stabilising predictions: Bloodgood & Vijay-Shanker 2009, CoNLL, 39-47), the figure is known well enough to believe it, and
further labels promise next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from annotator.domain.metrics.audit import Measured
from annotator.domain.metrics.learning_curve import PER, Gain

STABLE = 0.02
"""Share of answers that may change between two rounds."""
NARROW = 0.05
"""Half of the audit interval that is narrow enough."""
LITTLE = 0.005
"""Gain per 100 labels that is not worth them."""

Verdict = Literal["start", "go on", "stop"]


@dataclass(frozen=True)
class Check:
    """One of the three conditions; `met` is None while it cannot be told."""

    name: Literal["stable", "narrow", "gain"]
    met: bool | None
    text: str


@dataclass(frozen=True)
class Advice:
    """What to do, in one sentence, and the conditions it follows from."""

    verdict: Verdict
    text: str
    checks: list[Check]


def advise(labels: int, measured: Measured | None, changed: float | None, gain: Gain | None) -> Advice:
    """The advice for one attribute.

    Args:
        labels: answers it has by now.
        measured: the newest round on the audit set; None without a round.
        changed: share of the images to which the last two rounds give different answers; None with fewer rounds.
        gain: of the next labels.
    """
    checks = [_stable(changed), _narrow(measured), _gain(gain)]
    if labels == 0:
        return Advice("start", "Nothing is labelled yet. Label some images, then start a round.", checks)
    if measured is None:
        return Advice(
            "start", "No round yet: start one to see what a model learned from these labels.", checks
        )
    if all(check.met for check in checks):
        return Advice("stop", "You can stop here: more labels would change next to nothing.", checks)
    reasons = {
        "gain": "more labels still help",
        "stable": "the model still changes its mind",
        "narrow": "the figure is not known well enough to stop",
    }
    because = [
        reasons[name]
        for name in ("gain", "stable", "narrow")
        if any(c.name == name and c.met is False for c in checks)
    ]
    if not because:
        return Advice("go on", "Go on: it takes another round to tell whether more labels help.", checks)
    return Advice("go on", f"Go on: {' and '.join(because[:2])}.", checks)


def _stable(changed: float | None) -> Check:
    if changed is None:
        return Check("stable", None, "It takes two rounds to see whether answers still change.")
    return Check(
        "stable",
        changed <= STABLE,
        f"The last round changed {_percent(changed)} of the answers (stable: at most {_percent(STABLE)}).",
    )


def _narrow(measured: Measured | None) -> Check:
    if measured is None:
        return Check("narrow", None, "The audit set has not measured a model yet.")
    width = measured.half_width
    if measured.value is None or width is None:
        return Check("narrow", False, f"There is no figure with an interval yet: {measured.reason}.")
    return Check(
        "narrow",
        width <= NARROW,
        f"{measured.images} audit images tell the figure to ±{_points(width)} (wanted: ±{_points(NARROW)}).",
    )


def _gain(gain: Gain | None) -> Check:
    if gain is None:
        return Check(
            "gain",
            None,
            "It takes a round with clearly more labels than another to see what more of them bring.",
        )
    between = (
        ""
        if gain.low is None or gain.high is None
        else f" (95 %: {_signed(gain.low)} to {_signed(gain.high)})"
    )
    return Check(
        "gain", gain.value < LITTLE, f"The next {PER} labels may bring {_points(gain.value)}{between}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")
