"""Sharing images out among people by whole groups: a function of the group's name, like the split.

Every group has a fixed place between 0 and 1, and a person gets the groups of one stretch. The ends of the stretches are put
where the numbers of images of today come closest to the wanted shares, so that the shares hold exactly but for the size of a
group. A group that comes later falls into a stretch by its place; so later images never move an earlier one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np


def place_of(group: str) -> float:
    """The place of a group, from 0 to below 1. It does not depend on the group's split."""
    digest = hashlib.sha256(f"share:{group}".encode()).digest()[:8]
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def stretch_ends(images_of_group: Mapping[str, int], shares: Sequence[float]) -> list[float]:
    """Find the ends of the stretches, in the order of the shares; the first stretch begins at 0.

    Args:
        images_of_group: the number of images of each group.
        shares: the wanted shares of the images, above 0, at most 1 together; nobody gets the rest.
    """
    ordered = sorted((place_of(group), images) for group, images in images_of_group.items())
    places = [place for place, _ in ordered]
    before = np.cumsum([0, *(images for _, images in ordered)])  # images of the groups before each end
    ends = []
    for share in accumulate(shares):
        if share > 1 - 1e-9:
            ends.append(1.0)
            continue
        cut = int(
            np.abs(before - share * before[-1]).argmin()
        )  # the groups before it belong to the stretches so far
        last = float(np.nextafter(places[cut - 1], 1)) if cut else 0.0
        following = places[cut] if cut < len(places) else 1.0
        ends.append(min(max(share, last), following))
    return ends
