"""Numbers with their intervals, as several pages tell them."""

from __future__ import annotations

from pydantic import BaseModel

from annotator.domain.agreement.coefficients import Agreement


class ShareOut(BaseModel):
    """So many of so many, and between which shares the true one lies (95 %)."""

    value: float
    low: float
    high: float
    count: int
    of: int


class CoefficientOut(BaseModel):
    """A coefficient of agreement with its 95 % interval; what is null cannot be said, and `reason` tells why."""

    value: float | None
    low: float | None
    high: float | None
    images: int
    reason: str | None


def coefficient_out(found: Agreement) -> CoefficientOut:
    """A coefficient with its interval."""
    interval = found.interval
    return CoefficientOut(
        value=found.value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        images=found.items,
        reason=found.reason,
    )
