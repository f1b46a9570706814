"""The one place that computes `images.open_cells` from the labels and the covered cells for many images at once."""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    case,
    cast,
    distinct,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from annotator.database.statements import without_indexes
from annotator.models import (
    OPEN_IMAGES,
    OPEN_IMAGES_OF_POOL,
    AttributeRow,
    Certificate,
    CertificateCell,
    Image,
    Label,
    ValueRow,
)
from annotator.services.common.counted import COUNTED
from annotator.services.common.progress import add_done, recount


def recount_open_cells(session: Session, images: Select[int] | None = None, *, of_most: bool = False) -> None:
    """Recompute `open_cells` of images, and the project's counts, from the labels and the covered cells (common/filled).

    Args:
        session: a writing session.
        images: selects the ids of the images, a few thousand at most; None: every image.
        of_most: whether most images are expected to change, for example because one more attribute is required.
    """
    required = session.scalar(select(func.count()).where(AttributeRow.required)) or 0
    answered = (
        select(
            Label.image_id,
            func.sum(cast(AttributeRow.required, Integer)).label("cells"),
            func.max(func.coalesce(cast(ValueRow.ends, Integer), 0)).label("ended"),
        )
        .join(AttributeRow, AttributeRow.id == Label.attribute_id)
        .outerjoin(ValueRow, (ValueRow.attribute_id == Label.attribute_id) & (ValueRow.code == Label.code))
        .group_by(Label.image_id)
    )
    covered = (
        select(
            CertificateCell.image_id,
            func.count(distinct(Certificate.attribute_id)).label("cells"),
        )
        .join(Certificate, Certificate.id == CertificateCell.certificate_id)
        .join(AttributeRow, AttributeRow.id == Certificate.attribute_id)
        .where(CertificateCell.image_id <= Certificate.covered_to, AttributeRow.required)
        .group_by(CertificateCell.image_id)
    )
    if images is not None:
        answered = answered.where(Label.image_id.in_(images))
        covered = covered.where(CertificateCell.image_id.in_(images))
    labels, cells = answered.subquery(), covered.subquery()
    finished = func.coalesce(labels.c.cells, 0) + func.coalesce(cells.c.cells, 0)
    open_cells = case((labels.c.ended == 1, 0), else_=required - finished)
    changed = (
        select(Image.id, open_cells.label("open_cells"))
        .outerjoin(labels, labels.c.image_id == Image.id)
        .outerjoin(cells, cells.c.image_id == Image.id)
        .where(Image.open_cells != open_cells)
    )
    if images is not None:
        changed = changed.where(Image.id.in_(images))
    new = changed.subquery()
    query = update(Image).where(Image.id == new.c.id).values(open_cells=new.c.open_cells)
    before = _done_among(session, images) if images is not None else 0
    # The queue's indexes are in random order: updating them for a million images takes several times as long as sorting them once.
    indexes = (OPEN_IMAGES, OPEN_IMAGES_OF_POOL) if of_most else ()
    with without_indexes(session, indexes):
        session.execute(query, execution_options={"synchronize_session": False})
    session.expire_all()
    if images is None:
        recount(session)
    else:
        add_done(session, _done_among(session, images) - before)


def _done_among(session: Session, images: Select[int]) -> int:
    done = select(func.count()).where(Image.id.in_(images), COUNTED, Image.open_cells == 0)
    return session.scalar(done) or 0


def shift_open_cells(session: Session, row: Certificate, by: int, *batch: ColumnElement[bool]) -> None:
    """Let `open_cells` follow a batch of cells that a certificate covers (by -1) or no longer covers (by 1).

    It gives what `recount_open_cells` gives in less time: nothing changes where the attribute is not required, where a value has
    ended the image, or where another certificate covers the same cell.

    Args:
        session: a writing session.
        row: the certificate.
        by: -1 or 1.
        batch: conditions on its `CertificateCell` rows, which have no labels.
    """
    if not session.get_one(AttributeRow, row.attribute_id).required:
        return
    mine = CertificateCell.certificate_id == row.id
    moved: list[ColumnElement[bool]] = [Image.id.in_(select(CertificateCell.image_id).where(mine, *batch))]
    others = select(Certificate.id).where(
        Certificate.attribute_id == row.attribute_id, Certificate.id != row.id, Certificate.covered_to > 0
    )
    if session.scalar(others.limit(1)) is not None:
        moved.append(~_covered_by_others(row))
    # An ended image has no open cells, so its labels need not be read if it has some. To cover one, it must have had it open.
    moved.append(Image.open_cells > 0 if by < 0 else or_(Image.open_cells > 0, ~_is_ended()))
    turning = select(func.count()).where(*moved, COUNTED, Image.open_cells == (1 if by < 0 else 0))
    add_done(session, -by * (session.scalar(turning) or 0))
    shift = update(Image).where(*moved).values(open_cells=Image.open_cells + by)
    session.execute(shift, execution_options={"synchronize_session": False})


def _covered_by_others(row: Certificate) -> ColumnElement[bool]:
    """The condition that another certificate covers the cell of an image."""
    other, cell = aliased(Certificate), aliased(CertificateCell)
    return exists().where(
        cell.image_id == Image.id,
        cell.image_id <= other.covered_to,
        other.id == cell.certificate_id,
        other.id != row.id,
        other.attribute_id == row.attribute_id,
    )


def _is_ended() -> ColumnElement[bool]:
    """The condition that a value has ended an image."""
    return exists().where(
        Label.image_id == Image.id,
        ValueRow.attribute_id == Label.attribute_id,
        ValueRow.code == Label.code,
        ValueRow.ends,
    )
