"""Importing labels: all rows or none, and never over a person's answer."""

from __future__ import annotations

import gc
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.precedence import CellState, KeptAs, Way, decide, owner_of
from annotator.domain.schema import CANNOT_TELL, CANNOT_TELL_NAME
from annotator.domain.states import Origin, SubmissionKind
from annotator.errors import FacelabelError
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.translate import Row
from annotator.formats.tables.table import read_table
from annotator.models import Annotation, Image, Label, Labeller, Submission
from annotator.project import ProjectFolder
from annotator.services.annotation.log import NewAnnotation, add_annotations, add_submission
from annotator.services.common.counted import COUNTED
from annotator.services.common.open_cells import recount_open_cells
from annotator.services.common.undone import is_undone
from annotator.services.grouping.rebuild import regroup_all
from annotator.services.importing.image_lookup import ImageLookup
from annotator.services.importing.image_paths import Match
from annotator.services.importing.report_texts import unmatched_texts
from annotator.services.importing.reports import MOST_CANDIDATES, MOST_NAMES, LabelReport
from annotator.services.schema.active import active_schema, read_schema
from annotator.services.schema.open_values import MAX_NAME, code_of_person


@dataclass(frozen=True)
class LabelSource:
    """Where labels come from, and what they count as.

    Args:
        name: the source's name.
        as_opinions: they are kept beside the label, as opinions of a labeller named after the source; else they become the label.
        hashes: SHA-256 of the images that they are about, by their name at the source, if it tells.
        names: more names of images in the source.
        with_images: images were imported with them.
    """

    name: str
    as_opinions: bool = False
    hashes: AnyMapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    with_images: bool = False


@dataclass(frozen=True)
class _Cell:
    """An answer to one attribute of one image; the code None is "can't tell"."""

    image_id: int
    attribute_id: int
    code: int | None
    labeller: str


def import_labels(project: ProjectFolder, path: Path, mapping: Mapping | None = None) -> LabelReport:
    """Import the labels of a table as annotations with the origin "import".

    A cell without a label gets the imported one, an earlier imported label is replaced, and a person's answer is kept.
    Rows whose image the project does not have are counted and named; no image is created for them.

    Raises:
        FacelabelError: if any part of the table cannot be read; nothing is imported then.
    """
    with project.database.read() as session:
        schema = active_schema(session).schema
    translation = read_table(path, schema, mapping)
    report = LabelReport(left_aside=translation.ignored_columns, notes=translation.notes)
    with project.database.write() as session:
        import_rows(session, translation.rows, LabelSource(path.name), report)
    return report


def import_rows(session: Session, rows: list[Row], source: LabelSource, report: LabelReport) -> None:
    """Import all rows of labels or none.

    Raises:
        FacelabelError: if none of the rows' images is in the project, or a person's name cannot be used.
    """
    report.rows = len(rows)
    with _without_garbage_collection():
        cells = _cells(session, rows, source, report)
        if rows and report.absent + report.ambiguous_rows == report.rows:
            raise _no_image_matches(source, report)
        new = (_new_opinions if source.as_opinions else _new_labels)(session, cells, report)
        _count_values(session, new, report)
        if new:
            _write(session, source, new)
    if new and not source.as_opinions:
        regroup_all(session)
        recount_open_cells(session)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pause the search for circular garbage: it takes a tenth of the time and finds none among a million plain values."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _code_of_person(session: Session, row: Row, attribute: str) -> int:
    """The code of the person that a row names. An error says which row has a name that cannot be one."""
    try:
        return code_of_person(session, attribute, row.answers[attribute])
    except FacelabelError as error:
        what = f"{row.image_name[:100]}: {attribute} is {str(row.answers[attribute])[:60]!r}. {error.what}"
        raise FacelabelError(error.code, what, do="Change the name in the file.") from error


def _new_labels(session: Session, cells: Iterable[_Cell], report: LabelReport) -> list[_Cell]:
    """The cells whose label is to be added or replaced."""
    current = {
        (image, attribute): (code, origin)
        for image, attribute, code, origin in session.execute(
            select(Label.image_id, Label.attribute_id, Label.code, Annotation.origin).join(
                Annotation, Annotation.id == Label.annotation_id
            )
        )
    }
    new = []
    for cell in cells:
        label = current.get((cell.image_id, cell.attribute_id))
        if label is None:
            report.added += 1
        elif label[0] == cell.code:
            report.unchanged += 1
            continue
        elif decide(CellState(owner_of(label[1], own=False)), Way.IMPORT) is KeptAs.LABEL:
            report.replaced += 1
        else:
            report.kept += 1
            continue
        new.append(cell)
    return new


def _new_opinions(session: Session, cells: Iterable[_Cell], report: LabelReport) -> list[_Cell]:
    """The cells of which the labeller has not given the same opinion already."""
    opinions = {
        (image, attribute, labeller): code
        for image, attribute, labeller, code in session.execute(
            select(Annotation.image_id, Annotation.attribute_id, Labeller.name, Annotation.code)
            .join(Submission, Submission.id == Annotation.submission_id)
            .join(Labeller, Labeller.id == Submission.labeller_id)
            .where(
                Submission.kind == SubmissionKind.IMPORT, Annotation.origin == Origin.OPINION, ~is_undone()
            )
            .order_by(Annotation.id)
        )
    }
    new = []
    for cell in cells:
        key = (cell.image_id, cell.attribute_id, cell.labeller)
        if key in opinions and opinions[key] == cell.code:
            report.unchanged += 1
            continue
        if key in opinions:
            report.replaced += 1
        else:
            report.added += 1
        new.append(cell)
    return new


def cells_of_rows(session: Session, rows: Iterable[Row]) -> dict[tuple[int, int], int | None]:
    """Return the code of each image and attribute that the rows answer, for callers that do not import labels."""
    cells = _cells(session, rows, LabelSource(""), LabelReport())
    return {(cell.image_id, cell.attribute_id): cell.code for cell in cells}


def _cells(session: Session, rows: Iterable[Row], source: LabelSource, report: LabelReport) -> list[_Cell]:
    """The rows cell by cell. Where two rows of one image disagree (two names of it), the first row counts."""
    rows = list(rows)
    images = ImageLookup(session, (row.image_name for row in rows), source.hashes, source.names)
    ids = active_schema(session).ids
    excluded = set(session.scalars(select(Image.id).where(~COUNTED)))
    people: dict[tuple[str, str], int] = {}
    cells: dict[tuple[int, int, str], int | None] = {}
    for row in rows:
        match = images.find(row.image_name)
        if len(match.images) != 1:
            _tell_unmatched(report, row.image_name, match, images)
            continue
        [image_id] = match.images
        if image_id in excluded:
            _tell_excluded(report, row.image_name)
        labeller = _labeller_name(source, row)
        for attribute, answer in row.answers.items():
            code = answer if isinstance(answer, int) else people.get((attribute, answer))
            if code is None:
                code = people[attribute, str(answer)] = _code_of_person(session, row, attribute)
            kept_code = None if code == CANNOT_TELL else code
            if cells.setdefault((image_id, ids[attribute], labeller), kept_code) != kept_code:
                report.contradictions.append((row.image_name, attribute))
    return [_Cell(image, attribute, code, labeller) for (image, attribute, labeller), code in cells.items()]


def _tell_unmatched(report: LabelReport, name: str, match: Match, images: ImageLookup) -> None:
    """Report a row whose image is unknown, or is one of several; nothing is written for it."""
    if match.images:
        report.ambiguous_rows += 1
        if len(report.ambiguous) < MOST_NAMES:
            report.ambiguous.setdefault(
                name, [images.name_of(image) for image in match.images[:MOST_CANDIDATES]]
            )
        return
    report.absent += 1
    if len(report.absent_names) < MOST_NAMES:
        report.absent_names.append(name or "(no name)")
    if match.namesakes:
        report.elsewhere_rows += 1
        if len(report.elsewhere) < MOST_NAMES:
            report.elsewhere.setdefault(name, list(match.namesakes))


def _tell_excluded(report: LabelReport, name: str) -> None:
    """Report a row whose image is excluded; its labels are written, and count if the image is restored."""
    report.excluded += 1
    if len(report.excluded_names) < MOST_NAMES:
        report.excluded_names.append(name)


def _no_image_matches(source: LabelSource, report: LabelReport) -> FacelabelError:
    """None of the rows can be used: either the images are missing, or the names do not tell which image is meant."""
    advice = "Import the images first, or map the column with their names with --map FILE."
    if report.elsewhere or report.ambiguous:
        advice = f"Fix the names, or import the images first if {source.name} is about others."
    return FacelabelError(
        "no_image_matches",
        f"{_none_of(report.rows)} of {source.name} names an image of the project. "
        + " ".join(unmatched_texts(report)),
        kept="The images were imported, and no label." if source.with_images else "Nothing was changed.",
        do=advice,
    )


def _none_of(rows: int) -> str:
    return "No row" if rows == 1 else f"None of the {rows:,} rows"


def _labeller_name(source: LabelSource, row: Row) -> str:
    """The labeller "import" gives labels; opinions get a name that no account can have."""
    if not source.as_opinions:
        return "import"
    return ":".join(filter(None, ("import", source.name, row.labeller)))[:MAX_NAME]


def _count_values(session: Session, new: list[_Cell], report: LabelReport) -> None:
    schema = read_schema(session, people=True)
    active = active_schema(session)
    names = {
        active.ids[attribute.name]: {value.code: value.name for value in attribute.values}
        for attribute in schema.attributes
    }
    for (attribute, code), number in Counter((cell.attribute_id, cell.code) for cell in new).items():
        value = CANNOT_TELL_NAME if code is None else names[attribute][code]
        report.values.setdefault(active.names[attribute], {})[value] = number


def _write(session: Session, source: LabelSource, new: list[_Cell]) -> None:
    by_labeller: dict[str, list[_Cell]] = {}
    for cell in new:
        by_labeller.setdefault(cell.labeller, []).append(cell)
    for name, cells in by_labeller.items():
        submission_id = add_submission(
            session,
            key=f"import:{secrets.token_hex(16)}",
            kind=SubmissionKind.IMPORT,
            fingerprint=source.name,
            labeller_id=_labeller_id(session, name),
            image_id=None,
        )
        origin = Origin.OPINION if source.as_opinions else Origin.IMPORT
        annotations = [NewAnnotation(cell.image_id, cell.attribute_id, cell.code, origin) for cell in cells]
        add_annotations(session, submission_id, annotations)
    session.expire_all()


def _labeller_id(session: Session, name: str) -> int:
    labeller = session.scalar(select(Labeller).where(Labeller.name == name))
    if labeller is None:
        labeller = Labeller(name=name)
        session.add(labeller)
        session.flush()
    return labeller.id
