"""Plans and certificates in sentences, which the pages, the strip and the command share."""

from __future__ import annotations

from dataclasses import dataclass

from annotator.domain.certificates.people import PeopleErrors
from annotator.domain.certificates.target import Target
from annotator.domain.plurals import counted, percent
from annotator.domain.roles import LOCAL_LABELLER
from annotator.domain.states import CertificateState
from annotator.services.certificates.status import CertificateStatus


def duration(seconds: float) -> str:
    """A time as people read it: "25 minutes", "1.5 hours"."""
    minutes = max(1, round(seconds / 60))
    return counted(minutes, "minute", "minutes") if minutes < 90 else f"{minutes / 60:.1f} hours"


@dataclass(frozen=True)
class PlanWords:
    """What the sentence about a plan needs.

    Args:
        title: the attribute's title.
        error: the target error.
        cells: how many cells are filled if the sample is good enough.
        open_cells: of how many.
        answers: the size of the sample.
        seconds: how long its answers take.
        chance: that the sample is good enough.
    """

    title: str
    error: float
    cells: int
    open_cells: int
    answers: int
    seconds: float
    chance: float

    def offer(self) -> str:
        """Say what can be filled: "At 1 % error, about 6,900 of 10,000 open cells of Hair colour can be filled after …"."""
        return (
            f"At {percent(self.error)} error, about {self._cells()} can be filled after about {self._answers('more')} "
            f"({duration(self.seconds)}). {round(100 * self.chance)} of 100 such samples are good enough."
        )

    def too_few(self) -> str:
        """Say that too few can be filled to be worth a sample."""
        return (
            f"At {percent(self.error)} error, only about {self._cells()} could be filled, after {self._answers('')}. "
            "Label on: a better model fills more, and so does a larger error."
        )

    def _cells(self) -> str:
        return f"{self.cells:,} of {counted(self.open_cells, 'open cell', 'open cells')} of {self.title}"

    def _answers(self, more: str) -> str:
        more = f"{more} " if more else ""
        return counted(self.answers, f"{more}blind answer", f"{more}blind answers")


def status_sentence(certificate: CertificateStatus) -> str:
    """Say how far a certificate is, or what it has brought."""
    state = certificate.state
    if state == CertificateState.PREPARING:
        return "The worker chooses the cells and draws the acceptance sample."
    if state == CertificateState.SAMPLING:
        return (
            f"{certificate.answered:,} of {counted(certificate.sample, 'blind answer is', 'blind answers are')} given. "
            "The images come mixed into everybody's queue, and nobody can tell them apart."
        )
    if state == CertificateState.FILLING:
        return "The sample was good enough: the worker fills the cells."
    if state == CertificateState.FILLED:
        return _filled_sentence(certificate)
    if certificate.reason == f"{LOCAL_LABELLER} undid it.":  # who works alone has no name
        return "You undid it."
    return certificate.reason or "It ended."


def _filled_sentence(certificate: CertificateStatus) -> str:
    """What is filled, what holds of it, and what the sample showed of the set that was accepted."""
    target, outcome = Target.from_json(certificate.target), certificate.outcome or {}
    recall = (
        ""
        if target.recall is None
        else f", and at least {percent(target.recall)} of the images of each value have it"
    )
    people = certificate.plan.get("people")
    errors = f" {PeopleErrors.from_json(people).sentence(target.error)}" if people else ""
    accepted = next((step for step in reversed(outcome.get("steps", [])) if step["accepted"]), None)
    shown = (
        ""
        if accepted is None
        else f" The sample showed {counted(accepted['errors'], 'error', 'errors')} among "
        f"{counted(accepted['sampled'], 'such cell', 'such cells')}."
    )
    return (
        f"{counted(certificate.cells, 'cell is', 'cells are')} filled, of which at most {outcome.get('remaining', 0):,} are wrong. "
        f"In the finished attribute, at most {percent(target.error)} of all images have a wrong value{recall}. "
        f"This holds with {percent(target.confidence)} confidence.{shown}{errors}"
    )
