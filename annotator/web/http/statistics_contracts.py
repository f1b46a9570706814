"""Numbers with their intervals, as several pages show them."""

from __future__ import annotations

from pydantic import BaseModel

from annotator.domain.agreement.coefficients import Agreement


class ShareOut(BaseModel):
    """`count` of `of`, and the 95 % interval of the true proportion."""

    value: float
    low: float
    high: float
    count: int
    of: int


class CoefficientOut(BaseModel):
    """A coefficient of agreement with its 95 % interval; `reason` says why a number is null."""

    value: float | None
    low: float | None
    high: float | None
    images: int
    reason: str | None


def coefficient_out(agreement: Agreement) -> CoefficientOut:
    """Convert a coefficient of agreement."""
    interval = agreement.interval
    return CoefficientOut(
        value=agreement.value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        images=agreement.items,
        reason=agreement.reason,
    )
