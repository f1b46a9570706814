"""What a plan is made from: the model's answers to cells that people answered blind, and to open cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from annotator.project import ProjectFolder

Checked = Any  # annotator.domain.certificates: the model's answers to cells with a blind label
Open = Any  # annotator.domain.certificates: the model's answers to open cells


@dataclass(frozen=True)
class Evidence:
    """What is known of one attribute.

    Args:
        checked: the model's answers to audit cells, with their labels.
        open_: the model's answers to the cells that a certificate may fill.
        labelled_counts: (values,) the number of labels of each value that people or files gave, in the order of `codes`.
        codes: (values,) the codes of the model, in the order of the probabilities.
        images: the number of images that count.
        attempt: the number that the next attempt for the attribute gets.
    """

    checked: Checked
    open_: Open
    labelled_counts: Any
    codes: list[int]
    images: int
    attempt: int


def read_evidence(project: ProjectFolder, session: Session, attribute: str) -> Evidence:
    """Read what a plan for an attribute is made from; the preview and the worker use the same.

    A million open cells take about a second: use a session that only reads.

    Raises:
        FacelabelError: as `create_certificate`.
    """
    raise NotImplementedError
