"""What the strip of the label page says of certified filling: the sample that is answered, or what could be filled next."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from annotator.domain.plurals import percent
from annotator.domain.states import CertificateState
from annotator.models import Certificate
from annotator.project import ProjectFolder
from annotator.services.certificates.plan import AttributePlans, TargetPlan, read_plans
from annotator.services.certificates.status import certificates
from annotator.services.certificates.words import duration
from annotator.services.schema.active import attribute_titles

ERROR, RECALL = 0.01, 0.95
"""The target that the strip speaks of."""


def strip_sentence(project: ProjectFolder, session: Session) -> str | None:
    """Say in one sentence what an admin wants to know while labelling; None if there is nothing to say.

    Of a running sample it tells tenths only. An exact count would rise with the answer to a sampled image and so tell which ones
    are sampled.
    """
    if session.scalar(select(exists().where(Certificate.state == CertificateState.SAMPLING))):
        titles = attribute_titles(session)
        for certificate in certificates(session):
            if certificate.state == CertificateState.SAMPLING and certificate.sample > 0:
                tenths = 10 * certificate.answered // certificate.sample
                title = titles.get(certificate.attribute, certificate.attribute)
                return f"{title}: about {10 * tenths} % of the acceptance sample is answered."
    best = _best(read_plans(project, session)[0].attributes)
    if best is None:
        return None
    attribute, plan = best
    takes = "" if plan.seconds is None else f" ({duration(plan.seconds)})"
    return (
        f"At {percent(plan.error)} error, {plan.cells:,} of {attribute.open:,} open cells of {attribute.title} can be filled "
        f"after about {plan.answers:,} more answers{takes}."
    )


def _best(attributes: list[AttributePlans]) -> tuple[AttributePlans, TargetPlan] | None:
    """The plan that saves most of a person's time."""
    possible = [
        (attribute, plan)
        for attribute in attributes
        for plan in attribute.plans
        if plan.possible and plan.error == ERROR and plan.recall == RECALL
    ]
    return max(possible, key=lambda each: each[1].saved, default=None)
