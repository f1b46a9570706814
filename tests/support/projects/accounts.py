"""The accounts of a project, managed by `facelabel users`."""

from pathlib import Path

import requests
from argon2 import PasswordHasher

from annotator.services.access import passwords
from tests.support.commands import call
from tests.support.serving import Client, Server

PASSWORD = "correct horse battery"

REAL_HASHER = passwords._hasher
"""For tests of hashing. A hash takes a fifth of a second of a processor on purpose, and the tests compute hundreds: in each
process that loads this module, and in those forked from it, argon2id does the least work that it allows."""

passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def users_command(project: Path, *arguments: str, password: str = "") -> str:
    """Call `facelabel users`, with a password on its standard input; returns its output."""
    done = call("users", *arguments, "-p", project, *["--password-stdin"] * bool(password), typed=password)
    done.assert_done()
    return done.out


def logged_in(server: Server, name: str, password: str = PASSWORD, agent: str = "") -> Client:
    """A client with the cookie of a login, as a browser that calls itself `agent`."""
    client = server.client()
    client.session.headers["User-Agent"] = agent
    assert log_in_as(client, name, password).status_code == 200
    return client


def log_in_as(client: Client, name: str, password: str = PASSWORD) -> requests.Response:
    """The answer to a login."""
    return client.post("/login", {"name": name, "password": password})


def with_token(server: Server, token: str) -> Client:
    """A client that sends a token."""
    client = server.client()
    client.session.headers["Authorization"] = f"Bearer {token}"
    return client
