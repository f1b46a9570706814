"""Decide which predictions suggest the values of an attribute: new ones, unless earlier ones are shown to be better."""

from __future__ import annotations

from dataclasses import dataclass

from annotator.domain.metrics.audit import Measured, difference, points


@dataclass(frozen=True)
class SourceChoice:
    """Which of two predictions suggest.

    Args:
        new: whether the new ones suggest; otherwise the best measured earlier ones do.
        best: whether the new ones are the best measured so far.
        reason: why, in a sentence.
    """

    new: bool
    best: bool
    reason: str


def choose_source(new: Measured, best: Measured, names: tuple[str, str]) -> SourceChoice:
    """Compare new predictions with the best measured earlier ones, on the same audit images.

    Comparing with the best ones, and not with the ones in use, keeps the suggestions from becoming worse in steps that are
    each too small to be shown.

    Args:
        new: balanced accuracy of the new predictions.
        best: balanced accuracy of the earlier ones.
        names: the names of both within a sentence, such as "round 5".
    """
    now, before = names
    gain = difference(new, best)
    if gain is None:
        why = new.reason or best.reason or "there is no metric"
        return SourceChoice(
            new=True, best=True, reason=f"It is newer than {before}, and cannot be compared: {why}."
        )
    value, low, high = gain
    result = f"On {new.images:,} audit images {now} is {points(value, low, high)} than {before}"
    if low is None or high is None:
        reason = f"{result}, without an interval: {new.reason or best.reason}."
        return SourceChoice(new=True, best=value >= 0, reason=reason)
    if high < 0:
        return SourceChoice(new=False, best=False, reason=f"{result}.")
    reason = f"{result}, which does not show that it is worse." if value < 0 else f"{result}."
    return SourceChoice(new=True, best=value >= 0, reason=reason)
