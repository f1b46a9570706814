"""From whom suggestions are withheld at random, to measure how far people follow them.

A keyed hash of labeller and image decides, so that a reload, an undo and a second answer find the same choice. Of all pairs of
a labeller and an image, `withhold_share` are without suggestions, and CONTROLS times as many are compared with them. This ratio
never changes, so a change of the share does not make the two arms differ in when they were answered. What the model suggests is
noted in the lease and then in the submission; services/tasks/anchoring compares.

Only images of the label page that would show suggestions take part: those that are blind for another reason do not, and a page
of *Sweep* always shows what it is about. A labeller sees an image without suggestions, as they come for other reasons too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from annotator.models import Image, Lease
from annotator.services.project_settings import project_settings

CONTROLS = 4
"""Answers with suggestions that are compared, for each one without: more would hardly narrow the interval."""

FEWEST_WITHHELD = 30
"""Nothing is withheld in a project that is too small to have so many images without suggestions: it could never say anything."""


@dataclass(frozen=True)
class Withholding:
    """Which pairs of a labeller and an image are compared.

    Args:
        share: the fraction of the pairs without suggestions; 0 compares nothing.
        key: the project's secret.
    """

    share: float
    key: str

    def arm(self, labeller_id: int, image_id: int) -> bool | None:
        """Whether suggestions are withheld; None: they are not, and the answer is not compared."""
        if not self.share:
            return None
        pair = f"{labeller_id}:{image_id}".encode()
        digest = hashlib.blake2b(pair, key=self.key.encode(), digest_size=8).digest()
        place = int.from_bytes(digest) / 2**64
        if place < self.share:
            return True
        return False if place < (1 + CONTROLS) * self.share else None

    def withheld(self, labeller_id: int, image_ids: Collection[int]) -> set[int]:
        """Those of some images whose suggestions are withheld from a labeller."""
        return {image_id for image_id in image_ids if self.arm(labeller_id, image_id)}


def read_withholding(session: Session) -> Withholding:
    """Read the current setting; the share is 0 while the project is too small."""
    settings = project_settings(session)
    is_large = settings.withhold_share * settings.image_count >= FEWEST_WITHHELD
    return Withholding(settings.withhold_share if is_large else 0.0, settings.withhold_key)


def is_withheld(session: Session, labeller_id: int, image: Image) -> bool:
    """Whether the suggestions of an open image are withheld from a labeller."""
    return image.open_cells > 0 and bool(read_withholding(session).arm(labeller_id, image.id))


def note_comparisons(
    session: Session, labeller_id: int, chosen: Withholding, suggested: Mapping[int, list[list[int]]]
) -> None:
    """Note in the leases which answers will be compared, and with what.

    Args:
        session: a writing session.
        labeller_id: who holds the leases.
        chosen: which answers are compared.
        suggested: image id → what the model suggests (`Lease.suggested`).
    """
    rows = [
        {"number": image_id, "arm": arm, "codes": codes}
        for image_id, codes in suggested.items()
        if codes and (arm := chosen.arm(labeller_id, image_id)) is not None
    ]
    if rows:
        session.connection().execute(_NOTE, rows)


NONE_WITHHELD = Withholding(0.0, "")
"""For tasks of which no suggestion is withheld."""
_NOTE = (
    update(Lease)
    .where(Lease.image_id == bindparam("number"))
    .values(withheld=bindparam("arm"), suggested=bindparam("codes"))
)
