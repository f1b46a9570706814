"""How cells stand when an answer comes in, read in one query: what `domain/precedence` decides from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from annotator.database.statements import is_listed
from annotator.domain.precedence import CellState, Holder, Owner, owner_of
from annotator.domain.states import INDEPENDENT
from annotator.models import Annotation, AskedAgain, Gold, Image, Label, Lease, Submission, now
from annotator.services.common.filled import COVERED
from annotator.services.common.undone import is_undone


@dataclass(frozen=True)
class ImageState:
    """An image, seen by a labeller who answers several of its cells.

    Args:
        holder: who holds it.
        drawn: how it was drawn (`Lease.drawn`), if the labeller holds it.
        withheld: whether its suggestions are withheld (`Lease.withheld`), if the labeller holds it.
        suggested: what the model suggests (`Lease.suggested`), if the labeller holds it.
        done: whether it needs no further answer.
        fixed: whether it is gold or was asked again.
        finished_by_other: whether people finished it, nobody holds it, and somebody else answered in it. An image with filled
            cells was not finished by people: their answers replace the model's.
        excluded: whether it does not count.
        owners: attribute id → whose label the cell has; cells without a label are missing.
    """

    holder: Holder
    drawn: float | None
    withheld: bool | None
    suggested: list[list[int]] | None
    done: bool
    fixed: bool
    finished_by_other: bool
    excluded: bool
    owners: Mapping[int, Owner]

    def cell(self, attribute_id: int) -> CellState:
        """One of its cells."""
        return CellState(
            self.owners.get(attribute_id, Owner.NOBODY),
            self.holder,
            self.done,
            self.fixed,
            finished_by_other=self.finished_by_other,
        )


def read_image_state(
    session: Session, image_id: int, labeller_id: int, token: str | None = None
) -> ImageState | None:
    """How an image stands.

    Args:
        session: a session.
        image_id: the image.
        labeller_id: who answers.
        token: the lease that the answer carries, if any.

    Returns:
        None if there is no such image.
    """
    rows = session.connection().execute(_IMAGE, {"image_id": image_id, "now": now()}).all()
    if not rows:
        return None
    owners = {row.attribute_id: _owner(row, labeller_id) for row in rows if row.attribute_id is not None}
    image = rows[0]
    holder, done = _holder(image, labeller_id, token), image.open_cells == 0
    is_holder = holder is Holder.LABELLER
    return ImageState(
        holder=holder,
        drawn=image.drawn if is_holder else None,
        withheld=image.withheld if is_holder else None,
        suggested=image.suggested if is_holder else None,
        done=done,
        fixed=bool(image.fixed),
        finished_by_other=done
        and image.covered is None
        and holder is Holder.NOBODY
        and _answered_by_other(session, image_id, labeller_id),
        excluded=image.exclusion_id is not None,
        owners=owners,
    )


def read_cell_states(
    session: Session,
    attribute_id: int,
    labeller_id: int,
    tokens: Mapping[int, str | None],
    blind: Collection[int] = (),
) -> dict[int, CellState]:
    """How the cells of one attribute stand in a set of images.

    Args:
        session: a session.
        attribute_id: the attribute.
        labeller_id: who answers.
        tokens: image id → the lease that its answer carries, if any.
        blind: those whose suggestions are held back.

    Returns:
        Image id → its cell; images that do not exist are missing.
    """
    chosen = {"image_ids": list(tokens), "attribute_id": attribute_id, "now": now()}
    return {
        row.id: CellState(
            _owner(row, labeller_id),
            _holder(row, labeller_id, tokens[row.id]),
            row.open_cells == 0,
            bool(row.fixed),
            row.id in blind,
        )
        for row in session.connection().execute(_CELLS, chosen)
    }


def _answered_by_other(session: Session, image_id: int, labeller_id: int) -> bool:
    """Whether another labeller gave an answer to any cell of an image, and the answer still counts."""
    chosen = {"image_id": image_id, "labeller_id": labeller_id}
    return session.connection().scalar(_ANSWERED_BY_OTHER, chosen) is not None


def _owner(row: Row[Any], labeller_id: int) -> Owner:
    return Owner.NOBODY if row.origin is None else owner_of(row.origin, own=row.labeller_id == labeller_id)


def _holder(row: Row[Any], labeller_id: int, token: str | None) -> Holder:
    if row.token is None:
        return Holder.NOBODY
    if row.token == token and row.holder_id == labeller_id:
        return Holder.LABELLER
    return Holder.OTHER if row.live and row.holder_id != labeller_id else Holder.NOBODY


def _states() -> Select[*tuple[Any, ...]]:
    """Images with their leases, and the labels among `Label` rows that the caller joins."""
    fixed = or_(exists().where(Gold.image_id == Image.id), exists().where(AskedAgain.image_id == Image.id))
    live = (Lease.expires_at > bindparam("now")).label("live")
    return (
        select(
            *(Image.id, Image.open_cells, Image.exclusion_id, COVERED, fixed.label("fixed")),
            *(Lease.token, Lease.labeller_id.label("holder_id"), live, Lease.drawn),
            *(Lease.withheld, Lease.suggested),
            *(Label.attribute_id, Annotation.origin, Submission.labeller_id),
        )
        .select_from(Image)
        .outerjoin(Lease, Lease.image_id == Image.id)
    )


def _with_labels(query: Select[*tuple[Any, ...]]) -> Select[Any]:
    return query.outerjoin(Annotation, Annotation.id == Label.annotation_id).outerjoin(
        Submission, Submission.id == Annotation.submission_id
    )


_IMAGE = _with_labels(_states().outerjoin(Label, Label.image_id == Image.id)).where(
    Image.id == bindparam("image_id")
)
_CELLS = _with_labels(
    _states().outerjoin(
        Label, (Label.image_id == Image.id) & (Label.attribute_id == bindparam("attribute_id"))
    )
).where(is_listed(Image.id, "image_ids"))
_ANSWERED_BY_OTHER = (
    select(Annotation.id)
    .join(Submission, Submission.id == Annotation.submission_id)
    .where(
        Annotation.image_id == bindparam("image_id"),
        Submission.kind.in_(INDEPENDENT),
        Submission.labeller_id != bindparam("labeller_id"),
        ~is_undone(),
    )
    .limit(1)
)
