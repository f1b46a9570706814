"""The measured errors of people, which a certificate's promise does not contain."""

from __future__ import annotations

from sqlalchemy.orm import Session

from annotator.domain.certificates.people import PeopleErrors
from annotator.services.certificates.basis import count_labels
from annotator.services.schema.active import ActiveSchema
from annotator.services.tasks.answer_noise import count_answer_noise, read_shared_answers


class AnswerNoise:
    """What people's answers to gold images and to overlapped ones say of their errors.

    Args:
        session: a session.
        active: the schema.
    """

    def __init__(self, session: Session, active: ActiveSchema) -> None:
        self._session, self._active = session, active
        self._noise = count_answer_noise(session, active, read_shared_answers(session))

    def of(self, attribute: str) -> PeopleErrors | None:
        """How many of people's answers to an attribute are wrong; None where too few answers measure it."""
        noise = self._noise[attribute]
        counts = count_labels(self._session, self._active.ids[attribute], noise.codes)
        ceiling = noise.ceiling(dict(zip(noise.codes, counts.tolist(), strict=True)))
        return PeopleErrors.from_ceiling(ceiling) if ceiling else None
