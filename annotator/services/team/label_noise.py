"""Estimates of how many labels are wrong, and the results of relabeling suspicious ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.domain.metrics.statistics import Proportion
from annotator.domain.plurals import counted
from annotator.domain.states import JUDGED
from annotator.models import Annotation, AskedAgain, Gold, Submission
from annotator.project import ProjectFolder
from annotator.services.common.cached_stats import read_statistics, remember_statistics
from annotator.services.common.counted import of_counted_image
from annotator.services.common.round_artifacts import newest_result
from annotator.services.common.undone import is_undone
from annotator.services.review.label_issues import FILE, OpenLabelIssue, open_label_issues, read_label_issues
from annotator.services.schema.active import ActiveSchema, active_schema
from annotator.services.team.class_balance import DISTRIBUTIONS
from annotator.services.team.metrics import TEAM

LIMIT = 0.01
"""Labels are noisy if the lower end of the 95 % interval of the share of wrong labels is above this."""
ENOUGH_FOR_PERCENT = 20
"""Below this many answers, a count is clearer than a percentage."""
ENOUGH = 50
"""With fewer labels, answers to gold images, or images answered by several people, nothing is concluded from them."""
REFUTING = 20
"""With so many new answers to suspicious labels, these can refute the search for label issues."""


@dataclass(frozen=True)
class RelabelCounts:
    """Suspicious labels that were scheduled for relabeling: how many, how many have a new answer, how many a different one."""

    asked: int = 0
    answered: int = 0
    otherwise: int = 0

    @property
    def waiting(self) -> int:
        """How many have no new answer yet."""
        return self.asked - self.answered


@dataclass(frozen=True)
class LabelNoise:
    """Estimates of the wrong labels of an attribute; None where there is no estimate.

    Args:
        attribute: its name.
        title: its title.
        suspected: labels outside the audit set that the newest search considers wrong; labels changed since are ignored.
        gold: wrong answers to gold images.
        differing: the share of differing pairs among the answers of several people, as a number of images.
        again: the results of relabeling.
    """

    attribute: str
    title: str
    suspected: Proportion | None
    gold: Proportion | None
    differing: Proportion | None
    again: RelabelCounts

    @property
    def measured(self) -> bool:
        """Whether one of the three shows that more labels are wrong than the limit."""
        return self._found_by_search or _above(self.gold, LIMIT) or _above(self.differing, 2 * LIMIT)

    @property
    def _found_by_search(self) -> bool:
        """Whether the search shows it; new answers to the suspicious labels can refute the search."""
        if not _above(self.suspected, LIMIT):
            return False
        assert self.suspected is not None
        if self.again.answered < REFUTING:
            return True
        confirmed = Proportion(self.again.otherwise, self.again.answered)
        return self.suspected.value * confirmed.interval[1] > LIMIT

    @property
    def text(self) -> str:
        """The estimates in sentences; empty if there are none."""
        estimates = []
        if self.suspected is not None:
            estimates.append(
                f"{_of(self.suspected, 'label')} {_are(self.suspected)} probably wrong, according to the search for label errors (without audit images)"
            )
        if self.gold is not None:
            estimates.append(f"{_of(self.gold, 'answer')} to gold images {_were(self.gold)} wrong")
        if self.differing is not None:
            share = 100 * self.differing.value
            estimates.append(
                f"two answers to the same image differ in about {share:.0f} % of {_images(self.differing.trials)} that several people answered"
            )
        if not estimates and not self.again.asked:
            return ""
        text = "; ".join(estimates) + "." if estimates else ""
        return f"{self.title}: {text} {self._relabeling}".replace("  ", " ")

    @property
    def _relabeling(self) -> str:
        again = self.again
        if not again.asked:
            return "No label was asked again yet." if self.measured else "Labels are not asked again."
        answered = f"{again.answered} answered, {again.otherwise} of them differently from the label"
        more = "" if self.measured else " No more are asked, because too few of them would be wrong."
        return f"{again.asked} asked again: {again.waiting} waiting, {answered}.{more}"


def read_noise(project: ProjectFolder, session: Session) -> list[LabelNoise]:
    """The estimates for every categorical attribute; empty for a large project until the worker has computed its statistics."""
    suspicions = read_label_issues(project)
    state = (
        newest_result(project, FILE) if suspicions else None,
        session.scalar(select(func.max(Submission.id))),
        session.scalar(select(func.max(AskedAgain.id))),
        session.scalar(select(func.max(Gold.id))),
        active_schema(session).hash,
    )

    def count() -> list[LabelNoise]:
        return noise_of(session, open_label_issues(session, suspicions) if suspicions else None)

    return remember_statistics(session, "label_noise", state, count)


def noise_of(session: Session, suspects: list[OpenLabelIssue] | None) -> list[LabelNoise]:
    """The current estimates.

    Args:
        session: a session.
        suspects: the labels that the newest search considers wrong; None if there was no search.
    """
    balance = read_statistics(session, DISTRIBUTIONS).value
    if balance is None:
        return []
    active = active_schema(session)
    team = read_statistics(session, TEAM).value
    by_name = {metrics.attribute: metrics for metrics in team.attributes} if team else {}
    counts = Counter(active.names[suspect.attribute_id] for suspect in suspects or ())
    again = _relabel_counts(session, active)
    noise = []
    for name, distribution in balance.items():
        labelled = sum(value.train + value.val for value in distribution.values)
        metrics = by_name.get(name)
        gold = metrics.gold if metrics else None
        same = metrics.percent if metrics and metrics.percent.value is not None else None
        noise.append(
            LabelNoise(
                name,
                active.schema[name].title,
                Proportion(min(counts[name], labelled), labelled)
                if suspects is not None and labelled
                else None,
                Proportion(gold.trials - gold.successes, gold.trials) if gold else None,
                Proportion(round((1 - (same.value or 0)) * same.items), same.items) if same else None,
                again.get(name, RelabelCounts()),
            )
        )
    return noise


def _relabel_counts(session: Session, active: ActiveSchema) -> dict[str, RelabelCounts]:
    """By attribute. The first answer after the scheduling counts; a reviewer's decision is an answer."""
    first = (
        select(func.min(Annotation.id))
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id == AskedAgain.image_id,
            Annotation.attribute_id == AskedAgain.attribute_id,
            Submission.id > AskedAgain.submission_id,
            Submission.kind.in_(JUDGED),
            ~is_undone(),
        )
        .scalar_subquery()
    )
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    otherwise: Counter[str] = Counter()
    rows = session.execute(
        select(AskedAgain.attribute_id, AskedAgain.code, Annotation.id, Annotation.code)
        .outerjoin(Annotation, Annotation.id == first)
        .where(of_counted_image(AskedAgain.image_id))
    )
    for attribute_id, code, answer, new_code in rows:
        name = active.names.get(attribute_id)
        if name is None:
            continue
        attribute = active.schema[name]
        asked[name] += 1
        answered[name] += answer is not None
        otherwise[name] += answer is not None and (
            new_code is None or attribute.current(new_code) != attribute.current(code)
        )
    return {name: RelabelCounts(asked[name], answered[name], otherwise[name]) for name in asked}


def _above(share: Proportion | None, limit: float) -> bool:
    return share is not None and share.trials >= ENOUGH and share.interval[0] > limit


def _of(share: Proportion, noun: str) -> str:
    """Such as "3 of 150 labels (2.0 %)"; without the percentage where one more answer would change it by several points."""
    percent = f" ({100 * share.value:.1f} %)" if share.trials >= ENOUGH_FOR_PERCENT else ""
    return f"{share.successes:,} of {counted(share.trials, noun, f'{noun}s')}{percent}"


def _are(share: Proportion) -> str:
    return "is" if share.successes == 1 else "are"


def _were(share: Proportion) -> str:
    return "was" if share.successes == 1 else "were"


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"
