"""The requests and answers of the API of certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from annotator.domain.certificates.target import Target
from annotator.services.certificates.status import CertificateStatus
from annotator.services.certificates.words import status_sentence
from annotator.web.http.contracts import Answer, Request, UtcTime

Share = Annotated[float, Field(gt=0, lt=1)]


class CertificateRequest(Request):
    """What a new certificate shall guarantee."""

    attribute: Annotated[str, Field(min_length=1, max_length=200)]
    error: Annotated[float, Field(gt=0, le=0.5)] = Field(
        0.01,
        description="Of all images, the largest share with a wrong value once the attribute is finished.",
    )
    recall: Share | None = Field(
        0.95,
        description="Of the images of each value, the smallest share that has it then; null: no minimum.",
    )


class ForecastOut(BaseModel):
    """What was expected when the sample was drawn: `chance` that it is good enough, and `cells` that are filled then."""

    answers: int
    cells: int
    seconds: float | None
    chance: float | None


class CertificateOut(BaseModel):
    """A certificate. `sample`: the size of its acceptance sample, of which `answered` cells are answered."""

    id: int
    attribute: str
    title: str
    state: Literal["preparing", "sampling", "filling", "filled", "failed", "undone", "lapsed"]
    attempt: int
    error: float
    recall: float | None
    confidence: float
    sample: int
    answered: int
    filled: int = Field(description="Cells that the model fills now; 0 unless it is filled.")
    progress: float | None = Field(
        description="About the share of the cells that are written down, or covered; null unless it is being prepared or filled."
    )
    sentence: str = Field(description="How far it is, what it brought, or why it ended.")
    forecast: ForecastOut | None = Field(description="Null until the sample is drawn.")
    round: int | None = Field(
        description="The round whose predictions it fills from; null: they were imported."
    )
    created_by: str
    created_at: UtcTime
    decided_at: UtcTime | None
    ended_at: UtcTime | None


class CertificatesOut(BaseModel):
    """All certificates, newest first."""

    certificates: list[CertificateOut]


class TargetPlanOut(Answer):
    """What is possible at one target. `answers`: the size of the sample; if none pays, the blind answers that it would need."""

    error: float
    recall: float | None
    possible: bool
    cells: int
    answers: int | None
    seconds: float | None
    saved: float = Field(description="Seconds of a person that are saved, as expected.")
    chance: float | None
    sentence: str
    warning: str = Field(
        description="What people's own errors mean for this target; empty if they leave room, or were not measured."
    )


class FillAttributeOut(Answer):
    """The plans of one attribute. `open`: cells that a model answers and nobody has; `attempt`: that of the next certificate."""

    attribute: str
    title: str
    open: int
    attempt: int
    plans: list[TargetPlanOut]


class PlansOut(BaseModel):
    """The plans of all attributes at the targets of the page: every one of `errors` with every one of `recalls`."""

    errors: list[float]
    recalls: list[float | None]
    counted_at: UtcTime | None = Field(description="When the worker computed them; null: not yet.")
    missing: str = Field(description="Why there are none; empty if there are.")
    planned: int = Field(description="How many plans the worker has made so far.")
    expected: int = Field(description="How many it makes; pages show those that are there.")
    attributes: list[FillAttributeOut]


def certificate_out(certificate: CertificateStatus, titles: Mapping[str, str]) -> CertificateOut:
    """Convert a certificate; `titles`: by attribute."""
    target, plan = Target.from_json(certificate.target), certificate.plan
    forecast = (
        ForecastOut(
            answers=plan["sample"],
            cells=plan["filled_if_passed"],
            seconds=plan["seconds"],
            chance=plan["chance"],
        )
        if plan
        else None
    )
    return CertificateOut(
        id=certificate.id,
        attribute=certificate.attribute,
        title=titles.get(certificate.attribute, certificate.attribute),
        state=certificate.state.value,
        attempt=certificate.attempt,
        error=target.error,
        recall=target.recall,
        confidence=target.confidence,
        sample=certificate.sample,
        answered=certificate.answered,
        filled=certificate.cells if certificate.state in {"filling", "filled"} else 0,
        progress=certificate.progress,
        sentence=status_sentence(certificate),
        forecast=forecast,
        round=certificate.round,
        created_by=certificate.created_by,
        created_at=certificate.created_at,
        decided_at=certificate.decided_at,
        ended_at=certificate.ended_at,
    )
