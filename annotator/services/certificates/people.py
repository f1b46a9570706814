"""The measured errors of people, which a certificate's promise does not contain."""

from __future__ import annotations

from sqlalchemy.orm import Session

from annotator.domain.certificates.people import PeopleErrors
from annotator.services.certificates.basis import count_labels
from annotator.services.schema.active import ActiveSchema
from annotator.services.tasks.answer_noise import count_answer_noise, read_shared_answers


def people_errors(session: Session, active: ActiveSchema) -> dict[str, PeopleErrors]:
    """How many of people's answers are wrong, by attribute, where gold images or overlapped ones have measured it."""
    errors = {}
    for name, noise in count_answer_noise(session, active, read_shared_answers(session)).items():
        counts = count_labels(session, active.ids[name], noise.codes)
        ceiling = noise.ceiling(dict(zip(noise.codes, counts.tolist(), strict=True)))
        if ceiling is not None:
            errors[name] = PeopleErrors.from_ceiling(ceiling)
    return errors
