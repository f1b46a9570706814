"""How many labels are believed wrong, from what that is known, and what became of those that were asked again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from annotator.domain.metrics.statistics import Proportion
from annotator.models import Annotation, AskedAgain, Gold, Submission
from annotator.project import ProjectFolder
from annotator.services.common.cached_stats import keep_figures, read_figures
from annotator.services.common.round_artifacts import newest_result
from annotator.services.review.label_issues import FILE, StandingSuspect, read_suspicions, standing_suspects
from annotator.services.schema.active import ActiveSchema, active_schema
from annotator.services.tasks.relabeling import JUDGED
from annotator.services.team.class_balance import DISTRIBUTIONS
from annotator.services.team.metrics import TEAM

LIMIT = 0.01
"""Noise is measured when the lower end of a 95 % interval of the share of wrong labels is above this."""
ENOUGH = 50
"""Labels, answers to gold or images of several people below which nothing is concluded from them."""
REFUTING = 20
"""Answers to suspects after which these may show that the search is wrong more often than the labels."""


@dataclass(frozen=True)
class AskedOnceMore:
    """Suspicious labels that were put up to be asked again: how many, answered since, and answered otherwise."""

    asked: int = 0
    answered: int = 0
    otherwise: int = 0

    @property
    def waiting(self) -> int:
        """Not answered yet."""
        return self.asked - self.answered


@dataclass(frozen=True)
class LabelNoise:
    """What is known of the wrong labels of an attribute; None where nothing is.

    Args:
        attribute: its name.
        title: what it is called.
        suspected: labels that the newest search believes wrong, of those outside the audit set; changed ones are left out.
        gold: mistakes among the answers to gold images.
        differing: among images that several people answered, the share of pairs of answers that differ, in images.
        again: what became of the labels that were asked again.
    """

    attribute: str
    title: str
    suspected: Proportion | None
    gold: Proportion | None
    differing: Proportion | None
    again: AskedOnceMore

    @property
    def measured(self) -> bool:
        """Whether more labels are wrong than the limit, by one of the three."""
        return self._searched or _above(self.gold, LIMIT) or _above(self.differing, 2 * LIMIT)

    @property
    def _searched(self) -> bool:
        """What the search says counts until the answers to its suspects refute it."""
        if not _above(self.suspected, LIMIT):
            return False
        assert self.suspected is not None
        if self.again.answered < REFUTING:
            return True
        confirmed = Proportion(self.again.otherwise, self.again.answered)
        return self.suspected.value * confirmed.interval[1] > LIMIT

    @property
    def text(self) -> str:
        """All of it in sentences; empty if nothing is known."""
        known = []
        if self.suspected is not None:
            known.append(
                f"{_of(self.suspected)} labels are believed wrong, from the search for label errors (audit images left out)"
            )
        if self.gold is not None:
            known.append(f"{_of(self.gold)} answers to gold images were wrong")
        if self.differing is not None:
            share = 100 * self.differing.value
            known.append(
                f"two answers to one image differ in about {share:.0f} % of {_images(self.differing.trials)} that several people answered"
            )
        if not known and not self.again.asked:
            return ""
        text = "; ".join(known) + "." if known else ""
        return f"{self.title}: {text} {self._asked}".replace("  ", " ")

    @property
    def _asked(self) -> str:
        again = self.again
        if not again.asked:
            return "None is asked again." if not self.measured else "None was asked again yet."
        answered = f"{again.answered} answered, {again.otherwise} of them otherwise than the label"
        more = "" if self.measured else " No more are asked: they would be too rarely wrong."
        return f"{again.asked} asked again: {again.waiting} waiting, {answered}.{more}"


def read_noise(project: ProjectFolder, session: Session) -> list[LabelNoise]:
    """What is known of every categorical attribute; of a large project nothing before its figures were counted."""
    suspicions = read_suspicions(project)
    state = (
        newest_result(project, FILE) if suspicions else None,
        session.scalar(select(func.max(Submission.id))),
        session.scalar(select(func.max(AskedAgain.id))),
        session.scalar(select(func.max(Gold.id))),
        active_schema(session).hash,
    )

    def count() -> list[LabelNoise]:
        return noise_of(session, standing_suspects(session, suspicions) if suspicions else None)

    return keep_figures(session, "label_noise", state, count)


def noise_of(session: Session, suspects: list[StandingSuspect] | None) -> list[LabelNoise]:
    """The same, as of now, from the suspects of a search; None if there was none."""
    spread = read_figures(session, DISTRIBUTIONS).figures
    if spread is None:
        return []
    active = active_schema(session)
    team = read_figures(session, TEAM).figures
    people = {figures.attribute: figures for figures in team.attributes} if team else {}
    counts = Counter(active.names[suspect.attribute_id] for suspect in suspects or ())
    again = _asked_once_more(session, active)
    found = []
    for name, distribution in spread.items():
        labelled = sum(value.train + value.val for value in distribution.values)
        figures = people.get(name)
        gold = figures.gold if figures else None
        same = figures.percent if figures and figures.percent.value is not None else None
        found.append(
            LabelNoise(
                name,
                active.schema[name].title,
                Proportion(min(counts[name], labelled), labelled)
                if suspects is not None and labelled
                else None,
                Proportion(gold.trials - gold.successes, gold.trials) if gold else None,
                Proportion(round((1 - (same.value or 0)) * same.items), same.items) if same else None,
                again.get(name, AskedOnceMore()),
            )
        )
    return found


def _asked_once_more(session: Session, active: ActiveSchema) -> dict[str, AskedOnceMore]:
    """By attribute. The first answer since counts; a reviewer's decision is one."""
    later = aliased(Submission)
    first = (
        select(func.min(Annotation.id))
        .join(Submission, Submission.id == Annotation.submission_id)
        .where(
            Annotation.image_id == AskedAgain.image_id,
            Annotation.attribute_id == AskedAgain.attribute_id,
            Submission.id > AskedAgain.submission_id,
            Submission.kind.in_(JUDGED),
            ~exists().where(later.undoes == Submission.id),
        )
        .scalar_subquery()
    )
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    otherwise: Counter[str] = Counter()
    rows = session.execute(
        select(AskedAgain.attribute_id, AskedAgain.code, Annotation.id, Annotation.code).outerjoin(
            Annotation, Annotation.id == first
        )
    )
    for attribute_id, code, answer, said in rows:
        name = active.names.get(attribute_id)
        if name is None:
            continue
        attribute = active.schema[name]
        asked[name] += 1
        answered[name] += answer is not None
        otherwise[name] += answer is not None and (
            said is None or attribute.current(said) != attribute.current(code)
        )
    return {name: AskedOnceMore(asked[name], answered[name], otherwise[name]) for name in asked}


def _above(share: Proportion | None, limit: float) -> bool:
    return share is not None and share.trials >= ENOUGH and share.interval[0] > limit


def _of(share: Proportion) -> str:
    return f"{share.successes:,} of {share.trials:,} ({100 * share.value:.1f} %)"


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"
