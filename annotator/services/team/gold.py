"""Gold: images whose answers are known, asked of every labeller once among the others, to see how well they answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from annotator.domain.states import Origin
from annotator.errors import FacelabelError
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.table import read_table
from annotator.models import Annotation, Gold, Image, Label, now
from annotator.project import ProjectFolder
from annotator.services.importing.labels import cells_of_rows, import_labels
from annotator.services.review.details import get_image
from annotator.services.schema.active import active_schema


@dataclass
class GoldReport:
    """What a file of known answers did. `absent`: rows whose image the project does not have."""

    images: int = 0
    answers: int = 0
    absent: int = 0
    absent_names: list[str] = field(default_factory=list)


def is_gold(session: Session, image_id: int) -> bool:
    """Whether an image's answers are known."""
    return session.scalar(select(Gold.id).where(Gold.image_id == image_id)) is not None


def make_gold(session: Session, labeller_id: int, image_id: int) -> None:
    """Take what reviewers decided about an image as its known answers; again: what they decided by now.

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
            f"No reviewer has decided any answer to {image.name}, so none is known for sure.",
            do="Decide (adjudicate) the cells that labellers are to be measured by, then make it gold.",
        )
    _put(session, labeller_id, {image.id: answers})


def remove_gold(session: Session, image_id: int | None) -> int:
    """Make an image (None: all) gold no longer; what was answered stays. Returns how many there were."""
    query = delete(Gold) if image_id is None else delete(Gold).where(Gold.image_id == image_id)
    return int(session.execute(query).rowcount)  # type: ignore[attr-defined]


def import_gold(
    project: ProjectFolder, labeller_id: int, path: Path, mapping: Mapping | None = None
) -> GoldReport:
    """Take the answers of a CSV as known. They also become labels where nobody has answered, as by an import.

    Raises:
        FacelabelError: if any part of the file cannot be read, or none of its images is known; nothing is kept then.
    """
    with project.database.read() as session:
        schema = active_schema(session).schema
    labels = import_labels(project, path, mapping)
    report = GoldReport(absent=labels.absent, absent_names=labels.absent_names)
    rows = read_table(path, schema, mapping).rows
    with project.database.write() as session:
        known: dict[int, list[list[int | None]]] = {}
        for (image_id, attribute_id), code in cells_of_rows(session, rows).items():
            known.setdefault(image_id, []).append([attribute_id, code])
        _put(session, labeller_id, known)
        report.images, report.answers = len(known), sum(map(len, known.values()))
    return report


def list_gold(session: Session) -> list[tuple[str, int]]:
    """The gold images by name, each with its number of known answers."""
    query = select(Image.name, Gold.answers).join(Image, Image.id == Gold.image_id).order_by(Image.name)
    return [(name, len(answers)) for name, answers in session.execute(query)]


def find_gold(session: Session, name: str) -> int:
    """The number of the gold image of that name.

    Raises:
        FacelabelError: if there is none.
    """
    number = session.scalar(select(Image.id).join(Gold, Gold.image_id == Image.id).where(Image.name == name))
    if number is None:
        raise FacelabelError(
            "not_gold", f"{name} is no gold image.", do="`facelabel gold list` lists those there are."
        )
    return number


def _put(session: Session, labeller_id: int, known: dict[int, list[list[int | None]]]) -> None:
    """Known answers of images, over those known before."""
    session.execute(delete(Gold).where(Gold.image_id.in_(known)))
    session.add_all(
        Gold(image_id=image_id, answers=answers, labeller_id=labeller_id, created_at=now())
        for image_id, answers in known.items()
    )
