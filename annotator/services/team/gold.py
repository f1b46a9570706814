"""Gold images: their correct answers are known, and every labeller answers them once, to measure how well they answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from annotator.domain.schema import CANNOT_TELL
from annotator.domain.states import Origin
from annotator.errors import FacelabelError
from annotator.formats.importers.mapping import Mapping
from annotator.formats.snapshot.csv_text import csv_text
from annotator.formats.tables.table import read_table
from annotator.models import Annotation, Gold, Image, Label, now
from annotator.project import ProjectFolder
from annotator.services.common.counted import COUNTED, of_counted_image
from annotator.services.importing.labels import cells_of_rows, import_labels
from annotator.services.importing.report_texts import unmatched_texts
from annotator.services.review.details import get_image
from annotator.services.schema.active import active_schema


@dataclass
class GoldReport:
    """The result of importing gold answers.

    Args:
        images: gold images.
        answers: their correct answers.
        absent: rows whose image the project does not have.
        absent_names: the names of the first of them.
        ambiguous: rows that may mean several images, which were ignored.
        unmatched: what happened to these rows, in whole sentences.
    """

    images: int = 0
    answers: int = 0
    absent: int = 0
    absent_names: list[str] = field(default_factory=list)
    ambiguous: int = 0
    unmatched: list[str] = field(default_factory=list)


def is_gold(session: Session, image_id: int) -> bool:
    """Whether an image is gold."""
    return session.scalar(select(Gold.id).where(Gold.image_id == image_id)) is not None


def make_gold(session: Session, labeller_id: int, image_id: int) -> None:
    """Make an image gold, with the reviewers' current decisions as its correct answers.

    Raises:
        NotFound: if there is no such image.
        FacelabelError: if no reviewer has decided any of its cells.
    """
    image = get_image(session, image_id)
    query = (
        select(Label.attribute_id, Label.code)
        .join(Annotation, Annotation.id == Label.annotation_id)
        .where(Label.image_id == image.id, Annotation.origin == Origin.REVIEW)
        .order_by(Label.attribute_id)
    )
    answers = [[attribute, code] for attribute, code in session.execute(query)]
    if not answers:
        raise FacelabelError(
            "nothing_decided",
            f"No reviewer has decided any cell of {image.name}, so no answer is known to be correct.",
            do="Adjudicate the cells that should measure labellers, then make the image gold.",
        )
    _put(session, labeller_id, {image.id: answers})


def remove_gold(session: Session, image_id: int | None) -> int:
    """Remove an image from gold (None: all images); the answers stay. Returns how many images were gold."""
    query = delete(Gold) if image_id is None else delete(Gold).where(Gold.image_id == image_id)
    return int(session.execute(query).rowcount)  # type: ignore[attr-defined]


def import_gold(
    project: ProjectFolder, labeller_id: int, path: Path, mapping: Mapping | None = None
) -> GoldReport:
    """Import the answers of a CSV file as correct ones. They also become labels where nobody has answered, as in an import.

    Raises:
        FacelabelError: if any part of the file cannot be read, or the project has none of its images; nothing is imported then.
    """
    with project.database.read() as session:
        schema = active_schema(session).schema
    labels = import_labels(project, path, mapping)
    report = GoldReport(
        absent=labels.absent,
        absent_names=labels.absent_names,
        ambiguous=labels.ambiguous_rows,
        unmatched=unmatched_texts(labels),
    )
    rows = read_table(path, schema, mapping).rows
    with project.database.write() as session:
        answers: dict[int, list[list[int | None]]] = {}
        for (image_id, attribute_id), code in cells_of_rows(session, rows).items():
            answers.setdefault(image_id, []).append([attribute_id, code])
        _put(session, labeller_id, answers)
        report.images, report.answers = len(answers), sum(map(len, answers.values()))
    return report


def list_gold(session: Session) -> list[tuple[str, int]]:
    """The gold images by name, each with its number of correct answers."""
    query = select(Image.name, Gold.answers).join(Image, Image.id == Gold.image_id).where(COUNTED)
    return [(name, len(answers)) for name, answers in session.execute(query.order_by(Image.name))]


def gold_table(session: Session) -> str:
    """The gold images and their correct codes as a CSV with the columns of labels.csv."""
    names = active_schema(session).names
    query = select(Image.name, Gold.answers).join(Image, Image.id == Gold.image_id).where(COUNTED)
    rows = []
    for image, answers in session.execute(query.order_by(Image.name)):
        codes = {attribute: CANNOT_TELL if code is None else code for attribute, code in answers}
        rows.append([image, *(codes.get(attribute, "") for attribute in names)])
    return csv_text(["image_name", *names.values()], rows)


def count_gold(session: Session) -> int:
    """The number of gold images that are not excluded."""
    return session.scalar(select(func.count(Gold.id)).where(of_counted_image(Gold.image_id))) or 0


def find_gold(session: Session, name: str) -> int:
    """The id of the gold image with this name.

    Raises:
        FacelabelError: if there is none.
    """
    number = session.scalar(select(Image.id).join(Gold, Gold.image_id == Image.id).where(Image.name == name))
    if number is None:
        raise FacelabelError(
            "not_gold", f"{name} is not a gold image.", do="`facelabel gold list` lists the gold images."
        )
    return number


def _put(session: Session, labeller_id: int, correct: dict[int, list[list[int | None]]]) -> None:
    """Store the correct answers of images in place of earlier ones."""
    session.execute(delete(Gold).where(Gold.image_id.in_(correct)))
    session.add_all(
        Gold(image_id=image_id, answers=answers, labeller_id=labeller_id, created_at=now())
        for image_id, answers in correct.items()
    )
