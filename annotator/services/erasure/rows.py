"""The rows of the database that an erasure deletes or changes, in one transaction.

Which tables refer to an image is read from the models, so that a new table cannot be forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, or_, select, update
from sqlalchemy.orm import Session

from annotator.domain.grouping.splits import own_group
from annotator.domain.states import SubmissionKind
from annotator.errors import FacelabelError
from annotator.formats.snapshot.manifest import read_manifest
from annotator.models import (
    Annotation,
    AskedAgain,
    Assignment,
    AttributeRow,
    Base,
    Exclusion,
    Face,
    Flag,
    Image,
    Import,
    PersonChange,
    Predictions,
    Project,
    Round,
    StoredStatistics,
    Submission,
    SuggestionSource,
    TakeBack,
    ValueRow,
    WatchedAddress,
)
from annotator.project import ProjectFolder
from annotator.services.common.progress import recount
from annotator.services.erasure.scope import Scope
from annotator.services.erasure.texts import Words
from annotator.services.grouping.membership import mark_stale
from annotator.services.grouping.rebuild import settle_groups
from annotator.services.project_settings import change_project_settings

_CHUNK = 500
_TEXTS: tuple[tuple[type[Base], tuple[str, ...]], ...] = (
    (Import, ("report", "error", "proposed", "options")),
    (WatchedAddress, ("report", "error")),
    (Round, ("error", "message", "features_reason")),
    (Flag, ("note",)),
    (Exclusion, ("note",)),
    (SuggestionSource, ("reason",)),
    (Assignment, ("view",)),
    (TakeBack, ("import_name",)),
)
"""Columns in which names and hashes may stand; None, a text, or JSON."""


_IMPORTED = Submission.kind == SubmissionKind.IMPORT


def count_rows(session: Session, scope: Scope) -> dict[str, int]:
    """Count the rows that `delete_rows` would delete, by table."""
    counts: Counter[str] = Counter()
    for ids in _chunks(scope.ids):
        for table, columns in _REFERRING.items():
            condition = or_(*(column.in_(ids) for column in columns))
            counts[table.name] += (
                session.scalar(select(func.count()).select_from(table).where(condition)) or 0
            )
    counts["images"] = len(scope.ids)
    return {name: number for name, number in sorted(counts.items()) if number}


def delete_rows(session: Session, scope: Scope) -> dict[str, int]:
    """Delete what an erasure is about; return the number of deleted rows by table.

    Args:
        session: of `Database.write(references=False)`, because answers refer to each other.
        scope: what is erased.
    """
    counts: Counter[str] = Counter()
    groups = {own_group(sha256) for sha256 in scope.sha256}
    for ids in _chunks(scope.ids):
        _part_from_originals(session, ids)
        counts += _delete_images(session, ids)
    _forget_people(session, scope)
    _erase_texts(session, scope)
    session.execute(delete(StoredStatistics))  # they may name images, and are counted again
    session.flush()
    session.expire_all()
    if scope.ids:
        newest = session.scalar(select(func.max(Annotation.id))) or 0
        session.execute(
            update(Round).where(Round.newest_annotation > newest).values(newest_annotation=newest)
        )
        mark_stale(session)
        recount(session)
        if _named_after(session, groups):  # near-duplicates of an erased image, whose hash names their group
            settle_groups(session)
    return dict(sorted(counts.items()))


def update_predictions(session: Session, project: ProjectFolder) -> None:
    """Let the rows of predictions describe their files, from which erased images were removed."""
    for row in session.scalars(select(Predictions)):
        try:
            manifest = read_manifest(project.path / row.path, "facelabel-predictions")
        except FacelabelError:
            continue  # they are gone or damaged, and the pages say so
        if manifest["manifest_hash"] != row.content_hash:
            row.cursor = max(
                0, row.cursor - (row.rows - manifest["rows"])
            )  # at worst some places are walked again
            row.rows, row.content_hash = manifest["rows"], manifest["manifest_hash"]


def _delete_images(session: Session, ids: Sequence[int]) -> Counter[str]:
    submissions = _submissions_of(session, ids)
    for some in _chunks(submissions):
        # A suspicion about another image may have been raised after one of these: it refers to the one before.
        before = select(func.max(Submission.id)).where(
            Submission.id < AskedAgain.submission_id, Submission.id.not_in(submissions)
        )
        session.execute(
            update(AskedAgain)
            .where(AskedAgain.submission_id.in_(some), AskedAgain.image_id.not_in(ids))
            .values(submission_id=func.coalesce(before.scalar_subquery(), 0))
        )
        session.execute(delete(AskedAgain).where(AskedAgain.submission_id == 0))
    counts: Counter[str] = Counter()
    for table, columns in _REFERRING.items():
        if table is not Submission.__table__:
            counts[table.name] += _delete(session, table, columns, ids)
    for table, columns in _ANSWERING.items():
        for some in _chunks(submissions):
            counts[table.name] += _delete(session, table, columns, some)
    for some in _chunks(submissions):
        counts["submissions"] += _delete(session, Submission.__table__, [Submission.__table__.c.id], some)
    counts["images"] += _delete(session, Image.__table__, [Image.__table__.c.id], ids)
    return +counts


def _delete(session: Session, table: Any, columns: Sequence[ColumnElement[Any]], ids: Sequence[int]) -> int:
    condition = or_(*(column.in_(ids) for column in columns))
    return int(session.connection().execute(delete(table).where(condition)).rowcount)


def _submissions_of(session: Session, ids: Sequence[int]) -> list[int]:
    """The submissions about these images alone, and those that undid them."""
    new = list(session.scalars(select(Submission.id).where(Submission.image_id.in_(ids))))
    found = list(new)
    while new:
        undoing = [n for some in _chunks(new) for n in session.scalars(
            select(Submission.id).where(Submission.undoes.in_(some))
        )]  # fmt: skip
        new = sorted(set(undoing) - set(found))
        found += new
    return found


def _part_from_originals(session: Session, ids: Sequence[int]) -> None:
    """Let near-duplicates of an image that goes be near-duplicates of the first of them."""
    rows = session.execute(
        select(Image.id, Image.twin_of).where(Image.twin_of.in_(ids), Image.id.not_in(ids)).order_by(Image.id)
    ).all()
    first: dict[int | None, int] = {}
    for number, original in rows:
        new = first.setdefault(original, number)
        original_now = None if new == number else new
        session.execute(update(Image).where(Image.id == number).values(twin_of=original_now))
    session.execute(update(Image).where(Image.id.in_(ids)).values(twin_of=None))


def _forget_people(session: Session, scope: Scope) -> None:
    ids = dict(session.execute(select(AttributeRow.name, AttributeRow.id)).all())
    for attribute, code, name in scope.people:
        key = ids[attribute], code
        row = session.get_one(ValueRow, key)
        row.name, row.status = name, "retired"
        changes = select(PersonChange).where(PersonChange.attribute_id == key[0])
        for change in session.scalars(
            changes.where((PersonChange.code == code) | (PersonChange.into == code))
        ):
            if change.code == code:
                change.before = name
            if code in {change.into, change.code if change.into is None else None}:
                change.after = name
    for some in _chunks(scope.faces):
        session.execute(update(Face).where(Face.image_id.in_(some)).values(descriptor=None))


def _erase_texts(session: Session, scope: Scope) -> None:
    words = Words((*scope.names, *scope.hashes))
    for table, names in _TEXTS:
        for row in session.scalars(select(table)):
            for name in names:
                before = getattr(row, name)
                after = words.erased_from_json(before)
                if after != before:
                    setattr(row, name, after)
    for imported in session.scalars(select(Import)):
        if not imported.has_file:  # an upload that waits is found by its name
            imported.name = words.erased_from(imported.name)
    _erase_import_names(session, words)
    shown = set(scope.names)
    for attribute in session.scalars(select(AttributeRow)):
        rest = [example for example in attribute.examples if example["image"] not in shown]
        if rest != attribute.examples:
            attribute.examples = rest
            change_project_settings(session, schema_version=Project.schema_version + 1)
    session.flush()
    if scope.people:
        _erase_group_names(session, words)


def _erase_import_names(session: Session, words: Words) -> None:
    """Imported labels know the name of their file."""
    for name in session.scalars(select(Submission.fingerprint).where(_IMPORTED).distinct()).all():
        if (after := words.erased_from(name)) != name:
            renamed = update(Submission).where(_IMPORTED, Submission.fingerprint == name)
            session.execute(renamed.values(fingerprint=after))


def _erase_group_names(session: Session, words: Words) -> None:
    """Images that came in a folder with the person's name are in a group of that name."""
    groups = session.scalars(select(Image.given_group).where(Image.given_group.is_not(None)).distinct()).all()
    for group in groups:
        after = words.erased_from(group or "")
        if after != group:
            session.execute(update(Image).where(Image.given_group == group).values(given_group=after))
            session.execute(update(Image).where(Image.group == group).values(group=after))


def _named_after(session: Session, groups: set[str]) -> bool:
    return any(
        session.scalar(select(Image.id).where(Image.group.in_(some)).limit(1)) is not None
        for some in _chunks(sorted(groups))
    )


def _chunks(values: Sequence[Any]) -> list[Sequence[Any]]:
    return [values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)]


def _columns_to(target: Table) -> dict[Table, list[ColumnElement[Any]]]:
    """The columns of other tables that refer to a table."""
    columns: dict[Table, list[ColumnElement[Any]]] = {}
    for table in reversed(Base.metadata.sorted_tables):
        if table is not target:
            found = [key.parent for key in table.foreign_keys if key.column.table is target]
            if found:
                columns[table] = found
    return columns


_REFERRING = _columns_to(Base.metadata.tables["images"])
"""Tables with rows about images: with the columns that name one."""
_ANSWERING = {
    table: columns
    for table, columns in _columns_to(Base.metadata.tables["submissions"]).items()
    if table.name != "asked_again"
}
"""Tables with rows that belong to a submission."""
