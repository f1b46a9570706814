"""Images for a further answer, overlapped and gold, mixed into everybody's queue at random places."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from annotator.models import Gold
from annotator.services.overlap import images_wanting_opinions
from annotator.services.team_settings import team_settings
from annotator.services.unanswered import first_unanswered

_random = random.Random()  # noqa: S311 - chance, not secrecy: nobody must be able to foresee a gold image by counting


def images_to_mix_in(session: Session, labeller_id: int, count: int) -> list[int]:
    """Of the next `count` tasks, the ids of those that are gold images or want a further opinion; there may be fewer than drawn.

    Gold comes at the share of the settings. Further opinions come at the rate at which they keep pace with new images, so
    that neither starves.
    """
    settings = team_settings(session)
    draws = [_random.random() for _ in range(count)]
    gold = sum(draw < settings.gold_share for draw in draws)
    overlap = sum(
        settings.gold_share <= draw < settings.gold_share + (1 - settings.gold_share) * settings.overlap_rate
        for draw in draws
    )
    images = first_unanswered(session, Gold, labeller_id, gold) if gold else []
    if overlap:
        images += rest_of_overlap(session, labeller_id, overlap, images)
    return images


def rest_of_overlap(session: Session, labeller_id: int, count: int, without: Collection[int]) -> list[int]:
    """Ids of images that want a further opinion, whatever the rate: what is left to do when nothing new is."""
    found = images_wanting_opinions(session, labeller_id, count + len(without))
    return [image for image in found if image not in without][:count]


def shuffled_in(images: Sequence[int], more: Collection[int]) -> list[int]:
    """A list with more images at random places; the first ones keep their order."""
    mixed = list(images)
    for image in more:
        mixed.insert(_random.randint(0, len(mixed)), image)
    return mixed
