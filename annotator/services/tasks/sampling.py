"""Images for a further answer, gold, suspicious and overlapped, mixed into everybody's queue at random places."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from annotator.models import Gold
from annotator.services.tasks.cursor import first_unanswered
from annotator.services.tasks.overlap import images_wanting_opinions
from annotator.services.tasks.relabeling import images_to_ask_again
from annotator.services.tasks.settings import team_settings

_random = random.Random()  # noqa: S311 - chance, not secrecy: nobody must be able to foresee a gold image by counting


def images_to_mix_in(session: Session, labeller_id: int, count: int) -> list[int]:
    """Of the next `count` tasks, the ids of those that are gold images or want a further opinion; there may be fewer than drawn.

    Gold and images with a suspicious label come at the shares of the settings. Further opinions come at the rate at which they keep pace with new images, so
    that neither starves.
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
        images += _others(images_to_ask_again(session, labeller_id, again + len(images)), images)[:again]
    if overlap:
        images += _overlapped(session, labeller_id, overlap, images)
    return images


def rest_of_opinions(session: Session, labeller_id: int, count: int, without: Collection[int]) -> list[int]:
    """Ids of images that want a further opinion, whatever the shares: what is left to do when nothing new is."""
    again = _others(images_to_ask_again(session, labeller_id, count + len(without)), without)
    return (again + _overlapped(session, labeller_id, count, without))[:count]


def _overlapped(session: Session, labeller_id: int, count: int, without: Collection[int]) -> list[int]:
    return _others(images_wanting_opinions(session, labeller_id, count + len(without)), without)[:count]


def _others(images: Collection[int], without: Collection[int]) -> list[int]:
    return [image for image in images if image not in without]


def shuffled_in(images: Sequence[int], more: Collection[int]) -> list[int]:
    """A list with more images at random places; the first ones keep their order."""
    mixed = list(images)
    for image in more:
        mixed.insert(_random.randint(0, len(mixed)), image)
    return mixed
