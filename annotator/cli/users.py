"""users: the accounts and tokens of a team."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from annotator.cli.terminal import json_option, open_project, print_json, project_option
from annotator.database import Session
from annotator.domain.roles import Role, Scope
from annotator.domain.timestamps import utc_text
from annotator.services.access.account import find_account
from annotator.services.access.identities import link_identity, unlink_identities
from annotator.services.access.log import COMMAND, Event, record
from annotator.services.access.passwords import hash_password
from annotator.services.access.sessions import end_sessions, open_sessions
from annotator.services.access.tokens import MAX_DAYS, add_token, revoke_tokens
from annotator.services.accounts import (
    add_account,
    change_account,
    delete_account,
    list_accounts,
    set_active,
    set_password,
)

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from stdin instead of asking for it."
)


@click.group("users")
def users_group() -> None:
    """Manage the accounts and tokens of a team.

    Until there is an account, the user of this machine needs no login, and the server listens on this machine only.
    """


@users_group.command("add")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),  # of an Enum, click takes the names of its members
    default=Role.LABELLER.value,
    show_default=True,
    help="What the account may do.",
)
@password_option
@project_option
def add_user(name: str, role: str, password_stdin: bool, project: Path) -> None:
    """Make an account. Once there is one, everybody has to log in."""
    opened = open_project(project)
    password = hash_password(_password(password_stdin), name)
    with opened.database.write() as session:
        number = add_account(session, name, role, password).id
        _record(session, Event.ACCOUNT_ADDED, f"account {number}: role {role}")
    click.echo(f"{name} can log in as {role}.")


@users_group.command("list")
@project_option
@json_option
def list_users(project: Path, as_json: bool) -> None:
    """List the accounts."""
    with open_project(project).database.read() as session:
        rows = [
            {
                "name": row.name,
                "role": row.role,
                "active": row.active,
                "can_log_in": row.password_hash is not None,
            }
            for row in list_accounts(session)
        ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        note = "" if row["active"] else "  (disabled)"
        click.echo(
            f"{row['name']:<24} {row['role']:<9} {'password' if row['can_log_in'] else 'no password'}{note}"
        )


@users_group.command("password")
@click.argument("name")
@password_option
@project_option
def change_password(name: str, password_stdin: bool, project: Path) -> None:
    """Change a password; the account's sessions and tokens end."""
    opened = open_project(project)
    password = hash_password(_password(password_stdin), name)
    with opened.database.write() as session:
        set_password(session, name, password)
        _record(session, Event.PASSWORD_CHANGED, _account(session, name))
    click.echo(f"{name} has a new password.")


@users_group.command("disable")
@click.argument("name")
@project_option
def disable_user(name: str, project: Path) -> None:
    """Disable an account; its sessions and tokens end, its answers stay."""
    with open_project(project).database.write() as session:
        set_active(session, name, False)
        _record(session, Event.ACCOUNT_CHANGED, f"{_account(session, name)}: active false")
    click.echo(f"{name} is disabled.")


@users_group.command("enable")
@click.argument("name")
@project_option
def enable_user(name: str, project: Path) -> None:
    """Enable a disabled account."""
    with open_project(project).database.write() as session:
        set_active(session, name, True)
        _record(session, Event.ACCOUNT_CHANGED, f"{_account(session, name)}: active true")
    click.echo(f"{name} is enabled.")


@users_group.command("rename")
@click.argument("name")
@click.argument("new_name")
@project_option
def rename_user(name: str, new_name: str, project: Path) -> None:
    """Give an account another name; its answers stay."""
    with open_project(project).database.write() as session:
        number = change_account(session, find_account(session, name).id, name=new_name).id
        _record(session, Event.ACCOUNT_CHANGED, f"account {number}: name")
    click.echo(f"{name} is {new_name} now.")


@users_group.command("delete")
@click.argument("name")
@click.option(
    "--forget-name/--keep-name", default=False, show_default=True, help='Whether its answers stay under "former labeller N".'
)  # fmt: skip
@project_option
def delete_user(name: str, forget_name: bool, project: Path) -> None:
    """Delete an account with its password and tokens; its answers stay."""
    with open_project(project).database.write() as session:
        number = find_account(session, name).id
        former = delete_account(session, number, forget_name=forget_name).name
        _record(session, Event.ACCOUNT_DELETED, f"account {number}")
    click.echo(f"The account {name} is deleted; its answers are those of {former}.")


@users_group.command("token")
@click.argument("name")
@click.option("--for", "purpose", default="a program", show_default=True, help="What the token is for.")
@click.option(
    "--scope",
    type=click.Choice([scope.value for scope in Scope]),
    default=Scope.ADMIN.value,
    show_default=True,
    help="What the token may do: read; also label; everything that the account may.",
)
@click.option(
    "--days",
    type=click.IntRange(1, MAX_DAYS),
    help="For how many days the token is valid.  [default: until it is revoked]",
)
@project_option
def make_token(name: str, purpose: str, scope: str, days: int | None, project: Path) -> None:
    """Make a token for a program and print it; it cannot be shown again."""
    with open_project(project).database.write() as session:
        token = add_token(session, name, purpose, scope, days)
        _record(session, Event.TOKEN_MADE, f"for {_account(session, name)}: scope {scope}")
    click.echo(token)


@users_group.command("sessions")
@click.argument("name")
@project_option
@json_option
def list_sessions(name: str, project: Path, as_json: bool) -> None:
    """List the browsers in which an account is logged in."""
    with open_project(project).database.read() as session:
        sessions = open_sessions(session).get(find_account(session, name).id, [])
    rows = [
        {
            "device": entry.device,
            "address": entry.address,
            "created_at": utc_text(entry.created_at),
            "last_used_at": utc_text(entry.last_used_at),
        }
        for entry in sessions
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['device']:<28} {row['address']:<24} last used {row['last_used_at']}")
    if not rows:
        click.echo(f"{name} is not logged in.")


@users_group.command("logout")
@click.argument("name")
@project_option
def log_out(name: str, project: Path) -> None:
    """Log an account out everywhere; its tokens stay."""
    with open_project(project).database.write() as session:
        count = end_sessions(session, find_account(session, name).id)
        _record(session, Event.SESSION_ENDED, f"all of {_account(session, name)}")
    click.echo(f"{count} sessions of {name} are ended.")


@users_group.command("link")
@click.argument("name")
@click.argument("subject")
@click.option(
    "--issuer",
    envvar="FACELABEL_OIDC_ISSUER",
    required=True,
    help="The provider's address.  [default: FACELABEL_OIDC_ISSUER]",
)
@project_option
def link(name: str, subject: str, issuer: str, project: Path) -> None:
    """Let the provider's login of a person open an existing account, too; SUBJECT is the provider's identifier (`sub`)."""
    with open_project(project).database.write() as session:
        number = find_account(session, name).id
        link_identity(session, number, issuer.rstrip("/"), subject)
        _record(session, Event.IDENTITY_LINKED, f"account {number}")
    click.echo(f"{name} can log in through {issuer}, too.")


@users_group.command("unlink")
@click.argument("name")
@project_option
def unlink(name: str, project: Path) -> None:
    """Let no provider's login open an account any more; sessions that began so end."""
    with open_project(project).database.write() as session:
        number = find_account(session, name).id
        count = unlink_identities(session, number)
        _record(session, Event.IDENTITY_UNLINKED, f"account {number}")
    click.echo(f"{name} logs in with a password only." if count else f"{name} was not linked.")


@users_group.command("revoke")
@click.argument("name")
@project_option
def revoke(name: str, project: Path) -> None:
    """Revoke all tokens of an account."""
    with open_project(project).database.write() as session:
        count = revoke_tokens(session, name)
        _record(session, Event.TOKEN_REVOKED, f"all of {_account(session, name)}")
    click.echo(f"{count} tokens of {name} are revoked.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _account(session: Session, name: str) -> str:
    return f"account {find_account(session, name).id}"


def _record(session: Session, event: Event, target: str) -> None:
    record(session, None, COMMAND, event, target)
