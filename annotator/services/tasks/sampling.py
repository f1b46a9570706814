"""Gold, suspicious, overlapped and sampled images are mixed into each labeller's queue at random places."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from annotator.models import Gold
from annotator.services.project_settings import project_settings
from annotator.services.tasks.acceptance import SAMPLE_SHARE, sampled_images
from annotator.services.tasks.assigned import Reach
from annotator.services.tasks.cursor import first_unanswered
from annotator.services.tasks.overlap import images_wanting_opinions
from annotator.services.tasks.relabeling import images_to_relabel
from annotator.services.tasks.settings import team_settings

_random = random.SystemRandom()  # another sequence in each process, also in forked ones


def images_to_mix_in(session: Session, labeller_id: int, reach: Reach, count: int) -> list[int]:
    """Draw which of the next `count` tasks are gold images, want a further opinion or are sampled; return their image ids.

    Gold images and images with a suspicious label come at the shares of the settings. Overlapped images come at the rate at
    which they keep pace with new images, so that neither kind starves. There may be fewer images than were drawn.
    """
    settings = team_settings(session)
    draws = [_random.random() for _ in range(count)]
    gold_end = settings.gold_share
    again_end = gold_end + settings.relabel_share
    overlap_end = again_end + (1 - again_end) * settings.overlap_rate
    gold = sum(draw < gold_end for draw in draws)
    again = sum(gold_end <= draw < again_end for draw in draws)
    overlap = sum(again_end <= draw < overlap_end for draw in draws)
    images = first_unanswered(session, Gold, labeller_id, gold) if gold else []
    if again:
        images += _without(images_to_relabel(session, labeller_id, again + len(images)), images)[:again]
    if overlap:
        images += _overlapped(session, labeller_id, reach, overlap, images)
    if project_settings(session).is_sampling:
        sampled = sum(_random.random() < SAMPLE_SHARE for _ in range(count - len(images)))
        images += _without(sampled_images(session, labeller_id, reach, sampled), images)
    return images


def remaining_opinions(
    session: Session, labeller_id: int, reach: Reach, count: int, without: Collection[int]
) -> list[int]:
    """Find images, by id, that want a further answer, without regard to the shares: for the time when no new image is left.

    Gold images are among them, so that everybody answers all of them in the end, also in a small project.
    """
    settings = team_settings(session)
    again = _without(images_to_relabel(session, labeller_id, count + len(without)), without)
    if settings.gold_share:
        gold = _without(first_unanswered(session, Gold, labeller_id, count + len(without)), without)
        again += _without(gold, again)
    if project_settings(
        session
    ).is_sampling:  # the order of work lacks images that only want an answer to an optional attribute
        sampled = _without(sampled_images(session, labeller_id, reach, count + len(without)), without)
        again += _without(sampled, again)
    return (again + _overlapped(session, labeller_id, reach, count, [*without, *again]))[:count]


def _overlapped(
    session: Session, labeller_id: int, reach: Reach, count: int, without: Collection[int]
) -> list[int]:
    images = images_wanting_opinions(session, labeller_id, count + len(without), reach)
    return _without(images, without)[:count]


def _without(images: Collection[int], without: Collection[int]) -> list[int]:
    return [image for image in images if image not in without]


def insert_randomly(images: Sequence[int], more: Collection[int]) -> list[int]:
    """Insert more images at random places of a list, which keeps its order."""
    mixed = list(images)
    for image in more:
        mixed.insert(_random.randint(0, len(mixed)), image)
    return mixed
