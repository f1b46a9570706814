"""init, status, schema: make a project, report its state, change its schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from annotator.cli.terminal import Number, json_option, one_line, open_project, print_json, project_option
from annotator.config import Settings
from annotator.database.link import named_database
from annotator.domain.schema import Value, parse_schema
from annotator.domain.schema_text import format_schema
from annotator.services.accounts import local_labeller
from annotator.services.common.job_queue import KINDS
from annotator.services.importing.report_files import list_reports
from annotator.services.projects import init_project, read_schema_file, read_template
from annotator.services.rounds.status import read_status
from annotator.services.schema.active import read_schema
from annotator.services.schema_editing.changes import CountedChange, apply_schema, preview_changes


@click.command("init")
@click.option(
    "--schema",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The attributes.toml of the project.  [default: the one in the folder, or the built-in one]",
)
@click.option(
    "--seed",
    type=click.IntRange(-(2**63), 2**63 - 1),
    default=0,
    show_default=True,
    help="The seed that assigns groups to splits.",
)
@click.option(
    "--test-share",
    "share_test",
    type=Number(0, 0.9),
    help="Share of the test split, the audit set.  [default: 0.10, or more to reach 200 images]",
)
@click.option(
    "--val-share",
    "share_val",
    type=Number(0, 0.9),
    default=0.15,
    show_default=True,
    help="Share of the validation split.",
)
@click.option(
    "--like",
    type=click.Path(path_type=Path, file_okay=False),
    help="Another project, whose schema, guidelines and settings the new one has; it gets no image and no answer.",
)
@click.option(
    "--accounts/--no-accounts", default=False, show_default=True, help="With --like: also its accounts with their passwords."
)  # fmt: skip
@click.option(
    "--store",
    help="Object storage for the images, such as s3://bucket/prefix.  [default: FACELABEL_STORE, or the folder]",
)
@click.option(
    "--database",
    metavar="URL",
    help="An empty PostgreSQL database, postgresql://user@host/name, in place of a file.  [default: FACELABEL_DATABASE, or a file]",
)
@project_option
@click.pass_context
def init_command(
    ctx: click.Context, project: Path, schema: Path | None, seed: int, share_test: float | None, share_val: float,
    like: Path | None, accounts: bool, store: str | None, database: str | None,
) -> None:  # fmt: skip
    """Make a project in the current folder, or in the one that --project names."""
    store = Settings().store if store is None else store
    database = database or named_database()
    if like is not None:
        own = ("schema", "seed", "share_test", "share_val")
        if any(ctx.get_parameter_source(name) is not ParameterSource.DEFAULT for name in own):
            raise click.UsageError("--like brings its own schema, seed and shares.")
        made = init_project(
            project,
            template=read_template(open_project(like), accounts=accounts),
            store=store,
            database=database,
        )
        click.echo(f"The project is in {made.path.resolve()}. Its schema and settings are those of {like}.")
        return
    if accounts:
        raise click.UsageError("--accounts needs --like.")
    if (0.5 if share_test is None else share_test) + share_val > 0.95:
        raise click.UsageError("--test-share and --val-share leave no images to train on.")
    made = init_project(
        project, schema, seed=seed, share_test=share_test, share_val=share_val, store=store, database=database
    )
    click.echo(f"The project is in {made.path.resolve()}. Its schema is in {made.schema_file.name}.")
    if store:
        click.echo(f"Its images will be in {made.stores.url}.")
    if database is not None:
        click.echo(f"Its database is {made.database.location}. The folder keeps no password.")


@click.command("status")
@project_option
@json_option
def status_command(project: Path, as_json: bool) -> None:
    """Show the counts of images and labels, the rounds, the workers, and the newest round's metrics."""
    opened = open_project(project)
    with opened.database.read() as session:
        status = {"project": str(opened.path.resolve()), **read_status(opened, session)}
        status["imports"] = list_reports(opened)
        schema = read_schema(session)
    if as_json:
        print_json(status)
        return
    excluded = f", and {status['excluded']} excluded" if status["excluded"] else ""
    click.echo(
        f"{status['project']}: {status['images']} images, {status['done']} done, {status['open']} open{excluded}"
    )
    for attribute in schema.attributes:
        counts = status["attributes"][attribute.name]
        values = "  ".join(f"{v.name} {counts['values'].get(str(v.code), 0)}" for v in attribute.values)
        click.echo(
            f"  {attribute.name:<16} {counts['labelled']:>7} labelled  {values or str(counts.get('people')) + ' people'}"
        )
    audit = status["audit"]
    labelled = "  ".join(f"{name} {count}" for name, count in audit["labelled"].items())
    click.echo(f"  audit set: {audit['images']} images, of them labelled {labelled}")
    for done in status["imports"][:5]:
        click.echo(
            f"  import of {one_line(done['source'])} ({done['format']}): {done['images']} images, {done['labels']} labels, "
            f"{done['refused']} refused; {done['report']}"
        )
    for row in status["rounds"][:5]:
        click.echo(f"  round {row['id']}: {row['state']}, {row['message']}")
    for worker in status["workers"]:
        does = ", ".join(dict.fromkeys(each["work"].partition("/")[0] for each in worker["does"]))
        click.echo(f"  worker {one_line(worker['name'])}, {_kinds_text(worker['kinds'])}: {does or 'waits'}")
    for source in status["suggestions"]:
        where = "imported predictions" if source["round"] is None else f"round {source['round']}"
        click.echo(f"  {source['attribute']} is suggested by {where}: {source['reason']}")
    print_metrics(status["metrics"])


def _kinds_text(kinds: list[str]) -> str:
    if not kinds:
        return "a command"
    return "all kinds of work" if set(kinds) == set(KINDS) else f"only {', '.join(kinds)}"


def print_metrics(metrics: dict[str, Any] | None) -> None:
    """Print the metrics of a round on held-out groups, one line per attribute."""
    if not metrics:
        return
    click.echo(
        f"\n{'on held-out groups':<20} {'images':>7} {'groups':>7} {'balanced':>9} {'accuracy':>9}  recall per value"
    )
    for name, splits in metrics.items():
        test = splits.get("test")
        if not test or not test["images"]:
            click.echo(f"{name:<20} no labelled test image yet")
            continue
        recall = "  ".join(f"{code}: {_number(value)}" for code, value in test["recall"].items())
        click.echo(
            f"{name:<20} {test['images']:>7} {test['groups']:>7} {_number(test['balanced_accuracy']):>9} "
            f"{_number(test['accuracy']):>9}  {recall}"
        )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


@click.group("schema")
def schema_group() -> None:
    """Show, check or change the schema: the attributes of every image and their values."""


@schema_group.command("show")
@click.option("--toml", "as_toml", is_flag=True, help="Print the schema as an attributes.toml.")
@project_option
@json_option
def show_schema(project: Path, as_json: bool, as_toml: bool) -> None:
    """Show the active schema."""
    with open_project(project).database.read() as session:
        schema = read_schema(session)
    if as_toml:
        click.echo(format_schema(schema), nl=False)
        return
    if as_json:
        print_json(
            [
                {
                    "name": a.name,
                    "kind": a.kind,
                    "required": a.required,
                    "values": [
                        {"code": v.code, "name": v.name, "status": v.status}
                        | ({"replaced_by": list(v.replaced_by)} if v.replaced_by else {})
                        for v in a.values
                    ],
                }
                for a in schema.attributes
            ]
        )
        return
    for attribute in schema.attributes:
        values = ", ".join(f"{v.code} {v.name}" + _fate(v) for v in attribute.values)
        click.echo(f"{attribute.name} [{attribute.key}]: {values or 'names, added while labelling'}")


def _fate(value: Value) -> str:
    if value.replaced_by:
        verb = "merged" if len(value.replaced_by) == 1 else "split"
        return f" ({verb} into {', '.join(map(str, value.replaced_by))})"
    return " (retired)" if value.status == "retired" else ""


@schema_group.command("check")
@project_option
def check_schema(project: Path) -> None:
    """Check attributes.toml and report what `schema apply` would change."""
    opened = open_project(project)
    schema = parse_schema(read_schema_file(opened.schema_file))
    with opened.database.read() as session:
        changes = preview_changes(session, schema)
    _print_changes(changes, "Nothing would change.")


@schema_group.command("apply")
@project_option
def apply_schema_command(project: Path) -> None:
    """Make attributes.toml the active schema."""
    opened = open_project(project)
    schema = parse_schema(read_schema_file(opened.schema_file))
    with opened.database.write() as session:
        changes = apply_schema(session, schema, labeller_id=local_labeller(session))
    _print_changes(changes, "Nothing changed.")


def _print_changes(changes: list[CountedChange], nothing: str) -> None:
    for counted in changes:
        click.echo(counted)
        if counted.change.warning:
            click.echo(f"  {counted.change.warning}")
    if not changes:
        click.echo(nothing)
