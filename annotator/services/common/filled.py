"""Cells that the model fills under a certificate: which are filled, and which nobody is asked about.

A cell is *filled* while a certificate in the state `filled` has its row. Filled cells are no labels: only what asks this
module sees them. A cell is *covered* while `images.open_cells` does not count it: its row is there, and its image is not
beyond `covered_to` of its certificate. Filling covers cells batch by batch before they are filled, and after an undo they
are uncovered batch by batch, so that no transaction is long.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class FilledCell:
    """A filled cell.

    Args:
        image_id: its image.
        attribute: the name of its attribute.
        code: the model's value.
        probability: the model's probability of the value.
        certificate: the number of its certificate.
    """

    image_id: int
    attribute: str
    code: int
    probability: float
    certificate: int


def filled_cells(session: Session, image_ids: Collection[int]) -> list[FilledCell]:
    """Read the filled cells of some images, by image and attribute. Without a filled certificate this is one small query."""
    raise NotImplementedError
