"""Change the schema from the page or a program, and keep attributes.toml in step with the database."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.schema import Schema, parse_schema
from annotator.domain.schema_text import format_schema
from annotator.errors import Conflict, FacelabelError
from annotator.files import write_atomically
from annotator.models import Project
from annotator.project import ProjectFolder
from annotator.services.annotation.log import find_submission
from annotator.services.schema_editing.changes import (
    CountedChange,
    apply_schema,
    fingerprint,
    preview_changes,
)
from annotator.text_encoding import decode_text


def schema_version(session: Session) -> int:
    """Read the number that every change of the schema raises."""
    return session.scalars(select(Project.schema_version)).one()


def preview_wanted(
    project: ProjectFolder, session: Session, wanted: Schema, version: int
) -> list[CountedChange]:
    """Return the changes that `change_schema` would make.

    Raises:
        FacelabelError: as `change_schema` does.
    """
    _check_unchanged(project, session, wanted, version)
    return preview_changes(session, wanted)


def change_schema(
    project: ProjectFolder, labeller_id: int, key: str, wanted: Schema, version: int
) -> list[CountedChange]:
    """Make `wanted` the active schema and write attributes.toml. A repetition with the same key changes nothing.

    Args:
        project: the project.
        labeller_id: the labeller who changes it.
        key: the idempotency key.
        wanted: the schema.
        version: the `schema_version` from which `wanted` was made.

    Returns:
        The changes; empty for a repetition.

    Raises:
        Conflict: if the schema changed since, if attributes.toml has changes that were not applied, or if the key was
            used for another request.
        FacelabelError: if a change would lose labels, or give a code another meaning.
    """
    file = project.schema_file
    before = file.read_bytes() if file.is_file() else None
    try:
        with project.database.write() as session:
            if find_submission(session, key, fingerprint(wanted)) is not None:
                return []
            _check_unchanged(project, session, wanted, version)
            changes = apply_schema(session, wanted, labeller_id=labeller_id, key=key)
            text = format_schema(wanted, decode_text(before) if before else "")
            write_atomically(file, text.encode())
    except BaseException:
        # The transaction was rolled back, so the file must be restored too.
        if before is not None and file.read_bytes() != before:
            write_atomically(file, before)
        raise
    return changes


def _check_unchanged(project: ProjectFolder, session: Session, wanted: Schema, version: int) -> None:
    """Check that the change was made from the active schema, and that the file has this schema or already the wanted one.

    A process that was killed between writing the file and its commit leaves the wanted schema in the file. The same change, sent
    again, then succeeds.
    """
    if schema_version(session) != version:
        raise Conflict(
            "schema_changed",
            "Somebody else changed the schema since this page was loaded.",
            do="Load the page again and repeat your changes.",
        )
    if not project.schema_file.exists():
        return
    try:
        written = parse_schema(decode_text(project.schema_file.read_bytes()))
        in_step = not preview_changes(session, written) or fingerprint(written) == fingerprint(wanted)
    except (FacelabelError, UnicodeDecodeError):
        in_step = False
    if not in_step:
        raise Conflict(
            "file_ahead",
            "attributes.toml has changes that were not applied; they would be overwritten.",
            do="Run `facelabel schema check`, then `facelabel schema apply`; or get the active schema as a file with "
            "`facelabel schema show --toml`.",
        )
