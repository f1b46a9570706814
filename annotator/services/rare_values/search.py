"""A page of the search for one value, and what its answers say about how many members are found.

Three quarters of a page are the most probable images. The others are drawn from all that remain, and the probability of each
draw is kept. An image that was drawn and not answered comes again as it was drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from annotator.database.statements import replace_rows
from annotator.domain.rare_values import (
    DRAWN_SHARE,
    Recall,
    draw,
    estimate_recall,
    inclusion_probabilities,
    learn_from_answers,
    recent_answers,
)
from annotator.errors import FacelabelError
from annotator.models import Image, Label, SearchedImage, Submission
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import SweepOutcome, SweptPage, submit_page, sweepable_attribute
from annotator.services.annotation.bulk_order import sweepable
from annotator.services.annotation.log import find_submission
from annotator.services.annotation.submit import code_of_answer
from annotator.services.common.counted import COUNTED
from annotator.services.common.undone import is_undone
from annotator.services.predictions.active import active_predictions
from annotator.services.rare_values.scores import Scores, members_of, read_scores
from annotator.services.schema.active import active_schema
from annotator.services.tasks.assigned import read_reach
from annotator.services.tasks.queue import free_for
from annotator.services.tasks.task import Task, lease_tasks

_WINDOW = 256
_SPARE = 3
"""Images are drawn so many times over, because others may hold some of them."""


@dataclass(frozen=True)
class Chosen:
    """An image of a page. `score`: log odds of the value; `drawn`: the probability of its draw, 0 if it was not drawn."""

    image_id: int
    score: float
    drawn: float


@dataclass(frozen=True)
class SearchPage:
    """The next page of a search, before it is leased.

    Args:
        attribute: the attribute.
        code: the value.
        images: the images, in the order of the page.
        recall: how much is found, by the answers so far.
        answered: how many images the search showed and got an answer to.
        source: what the order is from: `predictions`, `likeness` or `chance`.
        predictions: the id of the predictions that it is from.
        mostly_members: whether most images of the page probably have the value.
        other: the other value of an attribute with two.
    """

    attribute: str
    code: int
    images: list[Chosen]
    recall: Recall
    answered: int
    source: str
    predictions: int | None
    mostly_members: bool
    other: int | None


def find_search_page(
    project: ProjectFolder,
    session: Session,
    labeller_id: int,
    attribute: str,
    value: int | None,
    count: int,
    without: Collection[int] = (),
) -> SearchPage:
    """Choose the next page of a search and estimate how much is found; call it without the write lock.

    Raises:
        FacelabelError: if the attribute or value does not exist, or the attribute cannot be swept.
    """
    active = active_schema(session)
    attribute_id = sweepable_attribute(active, attribute)
    code = code_of_answer(session, active.schema, attribute, value)
    if code is None:
        raise FacelabelError(
            "no_value", "A search is for one value.", do="Name the value that you search for."
        )
    predictions = active_predictions(project, session, active.hash)
    members = members_of(session, attribute_id, code)
    everything = read_scores(project, session, predictions, (attribute_id, attribute), code, members)
    seen = _read_seen(session, attribute_id, code)
    rest = ~np.isin(everything.images, seen.answered)
    images, scores = everything.images[rest], everything.scores[rest]
    fits = (seen.models == 0) == (everything.predictions is None)
    fits &= recent_answers(np.where(fits, seen.models, -1), everything.predictions or 0)
    posterior = learn_from_answers(
        seen.scores[fits], seen.members[fits], found=len(members), images=len(everything.images)
    )
    recall = estimate_recall(posterior, scores, len(members), page=max(1, count))
    chosen: list[Chosen] = []
    if count:
        free = _Free(session, labeller_id, attribute_id, frozenset(without))
        chosen = _choose(
            Scores(images, scores, everything.predictions, len(members)), free, seen.pending, count
        )
    shown = np.array([one.score for one in chosen])
    expected = posterior.probabilities(shown) if fits.any() else 1 / (1 + np.exp(-shown))
    others = [v.code for v in active.schema[attribute].values if v.status == "active" and v.code != code]
    return SearchPage(
        attribute=attribute,
        code=code,
        images=chosen,
        recall=recall,
        answered=len(seen.answered),
        source=everything.source,
        predictions=everything.predictions,
        mostly_members=bool(chosen) and float(expected.mean()) >= 0.5,
        other=others[0] if len(others) == 1 else None,
    )


def lease_search_page(
    project: ProjectFolder, session: Session, labeller_id: int, page: SearchPage, lease_seconds: int
) -> list[Task]:
    """Lease the images of a page that are still free, and keep how they were chosen."""
    active = active_schema(session)
    attribute_id = active.ids[page.attribute]
    free = _Free(session, labeller_id, attribute_id, frozenset())
    still = free.among([one.image_id for one in page.images])
    chosen = [one for one in page.images if one.image_id in still]
    if not chosen:
        return []
    rows = [
        {
            "image_id": one.image_id,
            "attribute_id": attribute_id,
            "code": page.code,
            "score": one.score,
            "drawn": one.drawn,
            "predictions_id": page.predictions,
        }
        for one in chosen
    ]
    session.execute(replace_rows(SearchedImage, list(rows[0])), rows)
    predictions = active_predictions(project, session, active.hash)
    images = [one.image_id for one in chosen]
    drawn = {one.image_id: one.drawn for one in chosen}
    return lease_tasks(session, images, labeller_id, lease_seconds, active, predictions, drawn)


def submit_search_page(session: Session, labeller_id: int, page: SweptPage) -> SweepOutcome:
    """Keep a page of answers, as `submit_page` does, and which images have not the value that is searched for.

    Raises:
        FacelabelError: as of `submit_page`.
    """
    is_new = find_submission(session, page.key, page.fingerprint(), labeller_id) is None
    outcome = submit_page(session, labeller_id, page)
    if not is_new:
        return outcome
    active = active_schema(session)
    code = code_of_answer(session, active.schema, page.attribute, page.searched)
    number = session.scalars(select(Submission.id).where(Submission.key == page.key)).one()
    searched = update(SearchedImage).where(
        SearchedImage.attribute_id == active.ids[page.attribute], SearchedImage.code == code
    )
    codes = {cell.image_id: cell.code for cell in page.cells}
    found = [image for image, answer in codes.items() if answer == code]
    for images, member in ((found, True), ([*(codes.keys() - set(found)), *page.ruled_out], False)):
        answered = searched.where(SearchedImage.image_id.in_(images))
        session.execute(answered.values(member=member, submission_id=number))
    return outcome


@dataclass(frozen=True)
class _Seen:
    """What a search gave out: the answered images with their scores, and how those without an answer were drawn.

    `models`: the predictions of the scores; 0 for likeness.
    """

    answered: NDArray[np.int64]
    scores: NDArray[np.float64]
    members: NDArray[np.bool_]
    models: NDArray[np.int64]
    pending: dict[int, float]


def _read_seen(session: Session, attribute_id: int, code: int) -> _Seen:
    """Read a search. Where an image has a label, it says whether it is a member; a correction counts."""
    label = (Label.image_id == SearchedImage.image_id) & (Label.attribute_id == attribute_id)
    counts = SearchedImage.submission_id.is_not(None) & ~is_undone(SearchedImage.submission_id)
    query = (
        select(SearchedImage, counts, Label.annotation_id.is_not(None), Label.code)
        .join(Image, Image.id == SearchedImage.image_id)
        .outerjoin(Label, label)
        .where(SearchedImage.attribute_id == attribute_id, SearchedImage.code == code, COUNTED)
    )
    answered: list[tuple[int, float, bool, int]] = []
    pending: dict[int, float] = {}
    for row, is_answered, is_labelled, value in session.execute(query):
        if is_answered or is_labelled:
            member = value == code if is_labelled else bool(row.member)
            answered.append((row.image_id, row.score, member, row.predictions_id or 0))
        else:
            pending[row.image_id] = row.drawn
    return _Seen(
        np.array([image for image, *_ in answered], np.int64),
        np.array([score for _, score, *_ in answered], np.float64),
        np.array([member for _, _, member, _ in answered], np.bool_),
        np.array([model for *_, model in answered], np.int64),
        pending,
    )


class _Free:
    """Which images a labeller can get now.

    Args:
        session: a session.
        labeller_id: the labeller.
        attribute_id: the attribute that is asked.
        without: images that they left out.
    """

    def __init__(
        self, session: Session, labeller_id: int, attribute_id: int, without: frozenset[int]
    ) -> None:
        self._session, self._without = session, without
        reach = read_reach(session, labeller_id)
        self._query = select(Image.id).where(
            sweepable(session, attribute_id), reach.allows(), free_for(labeller_id, attribute_id)
        )

    def among(self, images: Sequence[int]) -> set[int]:
        """Those of some images that are free."""
        return set(self._session.scalars(self._query.where(Image.id.in_(images)))) - self._without


def _choose(rest: Scores, free: _Free, pending: dict[int, float], count: int) -> list[Chosen]:
    """The most probable free images, and drawn ones at random places among them."""
    number = count if rest.source == "chance" else max(1, round(DRAWN_SHARE * count))
    score = dict(zip(rest.images.tolist(), rest.scores.tolist(), strict=True))
    waiting = [image for image, chance in pending.items() if chance > 0 and image in score]
    still = free.among(waiting)
    again = [image for image in waiting if image in still][:number]
    drawn = [Chosen(image, score[image], pending[image]) for image in again]
    top = _most_probable(rest.images, free, set(waiting), count - number)
    others = ~np.isin(rest.images, [*top, *pending])
    images, scores = rest.images[others], rest.scores[others]
    missing = number - len(drawn)
    generator = np.random.default_rng()
    if missing and len(images):
        chances = inclusion_probabilities(scores, min(missing, len(images)))
        lot = draw(inclusion_probabilities(scores, min(_SPARE * missing, len(images))), generator)
        open_ = free.among(images[lot].tolist())
        places = [place for place in lot.tolist() if int(images[place]) in open_][:missing]
        drawn += [Chosen(int(images[n]), float(scores[n]), float(chances[n])) for n in places]
    page = [Chosen(image, score[image], 0.0) for image in top]
    for one in drawn:
        page.insert(int(generator.integers(len(page) + 1)), one)
    return page


def _most_probable(images: NDArray[np.int64], free: _Free, waiting: set[int], count: int) -> list[int]:
    top: list[int] = []
    for start in range(0, len(images), _WINDOW):
        if len(top) >= count:
            break
        window = [image for image in images[start : start + _WINDOW].tolist() if image not in waiting]
        open_ = free.among(window)
        top += [image for image in window if image in open_]
    return top[:count]
