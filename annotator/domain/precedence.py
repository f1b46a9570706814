"""Whether an answer becomes the label of its cell.

Every answer is kept in the log. It becomes the label unless one of these reasons stands against it; then it is an opinion
beside the label, which agreement and aggregation use:

1. A reviewer decided the cell. Only another decision replaces a decision.
2. The labeller came late: somebody else holds the image by a live lease; or the labeller's own lease is gone and somebody else
   has finished the image.
3. The label belongs to somebody else. A label from an import gives way to people as long as the image is not done.
4. The image measures its labellers (gold) or its labels (asked again), so the label that the cell has is not touched.
5. The image is labelled blind, and the answer comes from a page that shows what the model thinks.

A reviewer's decision always becomes the label. A reviewer's correction is made in sight of all answers, so only reason 1 stands
against it. A labeller sees and corrects only their own answers, so reasons 1, 3 and 4 stand against that. An import fills empty cells and replaces earlier imports; its other answers are left out, because people outrank files.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from annotator.domain.states import Origin


class Way(Enum):
    """How an answer reaches the project."""

    ANSWER = auto()
    """From the label page: one image under a lease."""
    BULK = auto()
    """From the page *Sweep*: many images under leases, arranged by the model's predictions."""
    PEOPLE = auto()
    """From the page *People*: a set of faces, without leases."""
    REVISION = auto()
    """From *Browse*, by a labeller, of an image that they answered."""
    CORRECTION = auto()
    """From *Browse* or *Review*, by a reviewer who does not adjudicate."""
    DECISION = auto()
    """From *Browse* or *Review*, by a reviewer who adjudicates."""
    IMPORT = auto()
    """From a file of labels."""


class Owner(Enum):
    """Whose label a cell has, seen by the labeller who answers."""

    NOBODY = auto()
    """The cell has no label."""
    LABELLER = auto()
    """The labeller's own."""
    OTHER = auto()
    """Somebody else's: of another labeller, an aggregation, or a change of people or schema that another one made."""
    IMPORT = auto()
    """From a file."""
    REVIEWER = auto()
    """A reviewer's decision, even the labeller's own."""


class Holder(Enum):
    """Who holds the lease of an image, seen by the labeller who answers."""

    NOBODY = auto()
    """There is no lease, or it expired, or it is another lease of the same labeller."""
    LABELLER = auto()
    """The answer carries the token of the image's lease, live or expired."""
    OTHER = auto()
    """Somebody else holds a live lease."""


class CellState(NamedTuple):
    """One cell and its image, seen by the labeller who answers.

    Args:
        owner: whose label the cell has.
        holder: who holds the image.
        done: the image needs no further answer.
        fixed: the image is gold, or it was asked again because of a suspicious label.
        blind: the image's suggestions are held back.
        finished_by_other: the image is done, and somebody else answered in it.
    """

    owner: Owner
    holder: Holder = Holder.NOBODY
    done: bool = False
    fixed: bool = False
    blind: bool = False
    finished_by_other: bool = False


class KeptAs(Enum):
    """What an answer is kept as."""

    LABEL = auto()
    """The label of its cell."""
    OPINION = auto()
    """An opinion beside the label."""
    NOTHING = auto()
    """It is not kept: only answers from files are treated so."""


def owner_of(origin: str, *, own: bool) -> Owner:
    """Whose label it is.

    Args:
        origin: the `Origin` of the label's annotation.
        own: whether the labeller who asks made that annotation.
    """
    if origin == Origin.REVIEW:
        return Owner.REVIEWER
    if origin == Origin.IMPORT:
        return Owner.IMPORT
    return Owner.LABELLER if own else Owner.OTHER


def decide(cell: CellState, way: Way) -> KeptAs:
    """What an answer to a cell is kept as, by the rule at the head of this module."""
    if way is Way.DECISION:
        return KeptAs.LABEL
    if way is Way.IMPORT:
        return KeptAs.LABEL if cell.owner in {Owner.NOBODY, Owner.IMPORT} else KeptAs.NOTHING
    if way is Way.CORRECTION:
        return KeptAs.OPINION if cell.owner is Owner.REVIEWER else KeptAs.LABEL
    if way is Way.REVISION:
        return KeptAs.OPINION if _label_stands(cell) else KeptAs.LABEL
    if _label_stands(cell) or _is_late(cell, way) or (way is Way.BULK and cell.blind):
        return KeptAs.OPINION
    return KeptAs.LABEL


def _label_stands(cell: CellState) -> bool:
    if cell.owner is Owner.NOBODY:
        return False
    if cell.owner in {Owner.REVIEWER, Owner.OTHER} or cell.fixed:
        return True
    return cell.owner is Owner.IMPORT and cell.done


def _is_late(cell: CellState, way: Way) -> bool:
    if cell.holder is Holder.OTHER:
        return True
    # Sets of faces come without leases, so a finished image is not held against them.
    return way is not Way.PEOPLE and cell.holder is Holder.NOBODY and cell.finished_by_other
