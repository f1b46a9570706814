"""users: the accounts and tokens of a team."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from annotator.cli.terminal import json_option, open_project, print_json, project_option
from annotator.domain.roles import Role
from annotator.services.accounts import (
    add_account,
    add_token,
    change_account,
    delete_account,
    find_account,
    list_accounts,
    revoke_tokens,
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
    password = _password(password_stdin)
    with opened.database.write() as session:
        add_account(session, name, role, password)
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
    """Change a password; logins with the old password end."""
    opened = open_project(project)
    password = _password(password_stdin)
    with opened.database.write() as session:
        set_password(session, name, password)
    click.echo(f"{name} has a new password.")


@users_group.command("disable")
@click.argument("name")
@project_option
def disable_user(name: str, project: Path) -> None:
    """Disable an account; its answers stay."""
    with open_project(project).database.write() as session:
        set_active(session, name, False)
    click.echo(f"{name} is disabled.")


@users_group.command("enable")
@click.argument("name")
@project_option
def enable_user(name: str, project: Path) -> None:
    """Enable a disabled account."""
    with open_project(project).database.write() as session:
        set_active(session, name, True)
    click.echo(f"{name} is enabled.")


@users_group.command("rename")
@click.argument("name")
@click.argument("new_name")
@project_option
def rename_user(name: str, new_name: str, project: Path) -> None:
    """Give an account another name; its answers stay."""
    with open_project(project).database.write() as session:
        change_account(session, find_account(session, name).id, name=new_name)
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
        former = delete_account(session, find_account(session, name).id, forget_name=forget_name).name
    click.echo(f"The account {name} is deleted; its answers are those of {former}.")


@users_group.command("token")
@click.argument("name")
@click.option("--for", "purpose", default="a program", show_default=True, help="What the token is for.")
@project_option
def make_token(name: str, purpose: str, project: Path) -> None:
    """Make a token for a program and print it; it cannot be shown again."""
    with open_project(project).database.write() as session:
        token = add_token(session, name, purpose)
    click.echo(token)


@users_group.command("revoke")
@click.argument("name")
@project_option
def revoke(name: str, project: Path) -> None:
    """Revoke all tokens of an account."""
    with open_project(project).database.write() as session:
        count = revoke_tokens(session, name)
    click.echo(f"{count} tokens of {name} are revoked.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
