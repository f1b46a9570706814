"""The page that fills cells with the model, and the API of certificates."""

from __future__ import annotations

from flask import Blueprint

from annotator.domain.certificates.target import Target
from annotator.services.certificates.create import create_certificate
from annotator.services.certificates.decide import decide_certificate
from annotator.services.certificates.plan import RECALLS, AttributePlans, read_plans
from annotator.services.certificates.status import certificates
from annotator.services.certificates.undo import undo_certificate
from annotator.services.schema.active import attribute_titles
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import Empty, answers, spec
from annotator.web.http.pages import render_page
from annotator.web.progress.certificates_contracts import (
    CertificateOut,
    CertificateRequest,
    CertificatesOut,
    FillAttributeOut,
    PlansOut,
    certificate_out,
)

certificates_api = Blueprint("certificates_api", __name__)

_PREFIX = "/api/v1/certificates"


@certificates_api.get("/fill")
def fill_page() -> str:
    """The page that fills cells with the model."""
    return render_page("fill")


@certificates_api.get(_PREFIX)
@spec.validate(resp=answers(HTTP_200=CertificatesOut), tags=["rounds"])
def index() -> CertificatesOut:
    """All certificates, newest first: how far they are, what was expected of them and what they brought."""
    with context().project.database.read() as session:
        titles = attribute_titles(session)
        return CertificatesOut(certificates=[certificate_out(each, titles) for each in certificates(session)])


@certificates_api.get(f"{_PREFIX}/plan")
@spec.validate(resp=answers(HTTP_200=PlansOut), tags=["rounds"])
def show_plan() -> PlansOut:
    """What could be filled at each target, after how many blind answers, or why nothing; as the worker computed it last."""
    project = context().project
    with project.database.read() as session:
        plans, counted_at = read_plans(project, session)
    return PlansOut(
        errors=sorted({plan.error for each in plans.attributes for plan in each.plans}),
        recalls=[recall for recall in RECALLS if any(_has(each, recall) for each in plans.attributes)],
        counted_at=counted_at,
        missing=plans.missing,
        planned=plans.planned,
        expected=plans.expected,
        attributes=[FillAttributeOut.model_validate(each) for each in plans.attributes],
    )


@certificates_api.post(_PREFIX)
@spec.validate(resp=answers(HTTP_201=CertificateOut, problems=(409,)), tags=["rounds"])
def create(json: CertificateRequest) -> tuple[CertificateOut, int]:
    """Begin a certificate: its acceptance sample is mixed into everybody's queue, and decides whether cells are filled."""
    project = context().project
    target = Target(json.error, json.recall)
    with project.database.write() as session:
        made = create_certificate(project, session, json.attribute, target, labeller_id(), idempotency_key())
        return certificate_out(made, attribute_titles(session)), 201


@certificates_api.post(f"{_PREFIX}/<int:number>/decide")
@spec.validate(resp=answers(HTTP_200=CertificateOut, problems=(404, 409)), tags=["rounds"])
def decide(number: int, json: Empty) -> CertificateOut:
    """Decide a certificate now; cells of its sample that nobody has answered count as errors. The worker decides complete ones."""
    del json
    with context().project.database.write() as session:
        return certificate_out(decide_certificate(session, number), attribute_titles(session))


@certificates_api.post(f"{_PREFIX}/<int:number>/undo")
@spec.validate(resp=answers(HTTP_200=CertificateOut, problems=(404, 409)), tags=["rounds"])
def undo(number: int, json: Empty) -> CertificateOut:
    """End a certificate: its cells are open again at once, and what people answered stays."""
    del json
    with context().project.database.write() as session:
        return certificate_out(undo_certificate(session, number, labeller_id()), attribute_titles(session))


def _has(attribute: AttributePlans, recall: float | None) -> bool:
    return any(plan.recall == recall for plan in attribute.plans)
