"""The tables of certified filling: certificates, their acceptance samples, and the cells that they fill."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from annotator.models.base import Base


class Certificate(Base):
    """One attempt to fill the open cells of an attribute with the model's values, and what its acceptance sample showed.

    `state`: a CertificateState. `attempt`: 1 for the first one of the attribute; later ones are tested more strictly.
    `target`: error, recall and confidence (domain/certificates). `plan`: the thresholds of each level, the sizes, the forecast.
    `outcome`: what the sample showed; null until it is decided. `reason`: why it failed or lapsed, in a sentence.
    `seed`, `drawn_at`: how and when the sample was drawn; null until then. `cursor`: the last row of the predictions file
    that the worker has looked at. `covered_to`: `images.open_cells` does not count the cells of its images up to this number,
    so that nobody is asked; it rises while the certificate fills, batch by batch.
    """

    __tablename__ = "certificates"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    attribute_id: Mapped[int] = mapped_column(ForeignKey("attributes.id"), index=True)
    state: Mapped[str] = mapped_column(index=True)
    attempt: Mapped[int]
    predictions_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"))
    schema_hash: Mapped[str]
    target: Mapped[dict[str, Any]]
    plan: Mapped[dict[str, Any]]
    outcome: Mapped[dict[str, Any] | None]
    reason: Mapped[str | None]
    seed: Mapped[int | None] = mapped_column(BigInteger)
    cursor: Mapped[int] = mapped_column(server_default="0")
    covered_to: Mapped[int] = mapped_column(server_default="0")
    labeller_id: Mapped[int] = mapped_column(ForeignKey("labellers.id"))
    created_at: Mapped[datetime]
    drawn_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("labellers.id"))  # who undid it


class CertificateCell(Base):
    """A cell that a certificate may fill, or fills: it is filled while the certificate's state is `filled`.

    `level`: the smallest set of the certificate that contains it, 1 the surest. `code`, `probability`: the model's value. Cells
    of levels that were not accepted are deleted, and so is a cell that gets a label: by a trigger (migration 0034), so that no
    way to a label can forget it.
    """

    __tablename__ = "certificate_cells"
    __table_args__ = (Index("ix_certificate_cells_image", "image_id"),)

    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificates.id"), primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    level: Mapped[int]
    code: Mapped[int]
    probability: Mapped[float]


class CertificateSample(Base):
    """A cell of a certificate's acceptance sample. People answer it blind; what they answered is its label.

    `level`, `code`: as in CertificateCell when the sample was drawn.
    """

    __tablename__ = "certificate_samples"
    __table_args__ = (Index("ix_certificate_samples_image", "image_id"),)

    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificates.id"), primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    level: Mapped[int]
    code: Mapped[int]
