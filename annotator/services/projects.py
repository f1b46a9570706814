"""Make a project folder, and remove a new one that is not needed."""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.database import Database, open_database
from annotator.database.link import DatabaseLink, database_token, read_link
from annotator.domain.drawn_examples import PREFIX
from annotator.domain.grouping.splits import SplitRule
from annotator.domain.roles import LOCAL_LABELLER, NO_PASSWORD, Role
from annotator.domain.schema import Attribute, Schema, parse_schema
from annotator.domain.schema_text import format_schema
from annotator.errors import FacelabelError, WrongUse
from annotator.files import keep_private, write_atomically
from annotator.models import Image, Labeller, Project, now
from annotator.project import ProjectFolder
from annotator.resources import resource
from annotator.services.schema.active import read_schema
from annotator.services.schema_editing.changes import apply_schema
from annotator.services.tasks.settings import TeamSettings, team_settings, write_settings
from annotator.store.bucket import StoreUnreachable
from annotator.store.remote import RemoteStores
from annotator.text_encoding import decode_text


@dataclass(frozen=True)
class Template:
    """What a new project takes over from another one.

    Args:
        schema_text: its attributes.toml, without the example images.
        splits: the seed and the shares of its splits.
        test_share_given: whether somebody chose the share of the test split.
        team: the quality settings.
        accounts: columns of `Labeller` of each account.
    """

    schema_text: str
    splits: SplitRule
    test_share_given: bool
    team: TeamSettings
    accounts: tuple[dict[str, Any], ...] = ()


def read_template(project: ProjectFolder, *, accounts: bool) -> Template:
    """Read what a new project takes over: schema, guidelines, splits, quality settings. No image, answer or person.

    Args:
        project: the other project.
        accounts: whether its accounts with their passwords are taken over too. Tokens never are, nor accounts of a provider.
    """
    with project.database.read() as session:
        schema = read_schema(session)
        without_images = Schema(tuple(_without_images(attribute) for attribute in schema.attributes))
        row = session.scalars(select(Project)).one()
        columns = ("name", "role", "password_hash", "active", "created_at")
        people = session.scalars(
            # SQL's null is not unequal either, so that those who cannot log in stay out, too.
            select(Labeller).where(Labeller.password_hash != NO_PASSWORD).order_by(Labeller.id)
        )
        return Template(
            format_schema(without_images, _head(project)),
            SplitRule(row.split_seed, row.share_test, row.share_val),
            row.test_share_given,
            team_settings(session),
            tuple({name: getattr(person, name) for name in columns} for person in people) if accounts else (),
        )


def _without_images(attribute: Attribute) -> Attribute:
    """An attribute without the examples that are images of its project; drawings stay."""
    return replace(attribute, examples=tuple(e for e in attribute.examples if e.image.startswith(PREFIX)))


def _head(project: ProjectFolder) -> str:
    """The text whose first comment the new schema file keeps."""
    return read_schema_file(project.schema_file) if project.schema_file.is_file() else ""


def init_project(
    path: Path,
    schema_file: Path | None = None,
    *,
    template: Template | None = None,
    seed: int = 0,
    share_test: float | None = None,
    share_val: float = SplitRule.share_val,
    store: str = "",
    database: str | None = None,
) -> ProjectFolder:
    """Make a project in a folder, which may exist but must not contain a project.

    Args:
        path: the folder.
        schema_file: an attributes.toml; None: the folder's own, or else the schema of the coursework.
        template: what is taken over from another project; then `seed` and the shares are not used.
        seed: the seed of the splits.
        share_test: the share of the test split; None: a tenth, or more if there are few images (services/grouping/membership).
        share_val: the share of the validation split.
        store: the address of object storage that shall hold the images; "" keeps them in the folder.
        database: the URL of an empty PostgreSQL database; None: a file in the folder.

    Raises:
        WrongUse: if the folder or the database has a project already, or the folder its own schema beside a template; or another
            project uses the store.
        FacelabelError: if the store or the database cannot be used.
    """
    keep_private()
    project = ProjectFolder(path)
    if project.exists and not (database and _is_half_made(project, database)):
        raise WrongUse(
            "project_exists",
            f"{path.resolve()} already holds a Facelabel project.",
            do="Use this project, or choose another folder with --project FOLDER.",
        )
    if template is not None and project.schema_file.exists():
        raise WrongUse(
            "schema_exists",
            f"{path.resolve()} already holds an attributes.toml.",
            do="Remove it, or choose another folder with --project FOLDER.",
        )
    text = template.schema_text if template is not None else _schema_text(project, schema_file)
    schema = parse_schema(text)
    if database is not None:
        _require_empty(database)
    stores = RemoteStores(store, project.cache / "store", 0) if store else None
    if stores is not None:
        stores.begin()
    try:
        return _make(
            project, schema, text, stores, database, template or _values(text, seed, share_test, share_val)
        )
    except BaseException:
        if stores is not None:
            with suppress(StoreUnreachable):  # the first error is told
                stores.end()
        raise


def _schema_text(project: ProjectFolder, schema_file: Path | None) -> str:
    own = project.schema_file if project.schema_file.exists() else resource("attributes.toml")
    return read_schema_file(schema_file or own)


def _values(text: str, seed: int, share_test: float | None, share_val: float) -> Template:
    rule = SplitRule(seed, SplitRule.share_test if share_test is None else share_test, share_val)
    return Template(text, rule, share_test is not None, TeamSettings())


def _make(
    project: ProjectFolder,
    schema: Schema,
    text: str,
    stores: RemoteStores | None,
    database: str | None,
    values: Template,
) -> ProjectFolder:
    write_atomically(project.schema_file, text.encode())
    project.store_file.unlink(missing_ok=True)
    if stores is not None:
        write_atomically(project.store_file, f"{stores.url}\n".encode())
    if database is None:
        _fill_new_file(project, schema, values)
    else:
        _fill_empty_database(project, database, schema, values)
    project.secret_key()
    project.in_use.share()
    return project


def _fill_new_file(project: ProjectFolder, schema: Schema, template: Template) -> None:
    """Make the project in a file of its folder, under another name first: a killed process leaves no half-made project."""
    unfinished = ProjectFolder(project.path / ".facelabel-init")
    unfinished.path.mkdir(parents=True, exist_ok=True)
    unfinished.database_file.unlink(missing_ok=True)
    _fill_database(unfinished.database, secrets.token_hex(8), project.name, schema, template)
    unfinished.database_file.replace(project.database_file)
    for leftover in unfinished.path.iterdir():
        leftover.unlink()
    unfinished.path.rmdir()


def _is_half_made(project: ProjectFolder, database: str) -> bool:
    """Whether a killed process has named a PostgreSQL database in a folder, and put no project into it."""
    link, opened = read_link(project.path), open_database(database)
    half_made = link is not None and link.url == opened.location and opened.revision() is not None
    try:
        return half_made and database_token(opened) is None
    finally:
        opened.close()


def _require_empty(url: str) -> None:
    """Check, before anything is written, that a PostgreSQL database can be used and holds no project."""
    database = open_database(url)
    try:
        holds_project = database.revision() is not None and database_token(database) is not None
    finally:
        database.close()
    if holds_project:
        raise WrongUse(
            "project_exists",
            f"The database {database.location} already holds a Facelabel project.",
            do="Name an empty database.",
        )


def _fill_empty_database(project: ProjectFolder, url: str, schema: Schema, template: Template) -> None:
    """Make the project in a PostgreSQL database; the folder names it before it has a row, so that no row is without a folder."""
    database, token = open_database(url), secrets.token_hex(8)
    DatabaseLink(database.location, token).write(project.path)
    _fill_database(database, token, project.name, schema, template)


def has_images(session: Session) -> bool:
    """Whether the project has any image, counted or excluded."""
    return session.connection().scalar(_ANY_IMAGE) is not None


_ANY_IMAGE = select(Image.id).limit(1)


def project_token(session: Session) -> str:
    """The project's random identifier, by which a browser keeps the projects of one address apart."""
    return session.scalars(select(Project.token)).one()


def existing_paths(path: Path) -> frozenset[Path]:
    """The folder, its entries and its parents, as far as they exist: `remove_new_project` leaves them."""
    folder = path.absolute()
    entries = folder.iterdir() if folder.is_dir() else ()
    return frozenset([*(existing for existing in (folder, *folder.parents) if existing.exists()), *entries])


def remove_new_project(project: ProjectFolder, before: frozenset[Path]) -> None:
    """Remove a new project that is not needed, and the folders that were made for it.

    Args:
        project: a project without images. One in a PostgreSQL database stays.
        before: the `existing_paths` before the project was made.
    """
    project.database.close()
    if isinstance(project.stores, RemoteStores):
        with suppress(StoreUnreachable):
            project.stores.end()
    if not project.database_file.exists():
        return
    folder = project.path.absolute()
    for made in set(folder.iterdir()) - before:
        if made.is_dir():
            shutil.rmtree(made)
        else:
            made.unlink()
    for place in (folder, *folder.parents):
        if place in before:
            return
        place.rmdir()


def read_schema_file(path: Path) -> str:
    """Read the text of an attributes.toml.

    Raises:
        FacelabelError: if the file cannot be read.
    """
    try:
        return decode_text(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise FacelabelError(
            "no_schema_file",
            f"The schema file {path} cannot be read: {error}.",
            do="Give the path of a readable attributes.toml.",
        ) from error


def _fill_database(database: Database, token: str, name: str, schema: Schema, template: Template) -> None:
    database.migrate()
    with database.write() as session:
        session.add(
            Project(
                id=1,
                name=name,
                token=token,
                withhold_key=secrets.token_hex(16),
                split_seed=template.splits.seed,
                share_test=template.splits.share_test,
                share_val=template.splits.share_val,
                test_share_given=template.test_share_given,
                schema_version=0,
                image_count=0,
                done_count=0,
                created_at=now(),
            )
        )
        session.add(Labeller(name=LOCAL_LABELLER, role=Role.ADMIN, active=True, created_at=now()))
        session.add_all(Labeller(**columns) for columns in template.accounts)
        session.flush()
        write_settings(session, template.team)
        apply_schema(session, schema)
    database.checkpoint()
    database.close()
