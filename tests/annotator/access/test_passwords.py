"""Passwords that are easy to guess are refused; checking them does not hold up the others."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from annotator.domain.login_throttle import ADDRESS, DEVICE, LONGEST_SECONDS, NAME, PAIR
from annotator.domain.roles import NO_PASSWORD
from annotator.errors import FacelabelError, TooMany
from annotator.models import FailedLogins, Labeller, now
from annotator.project import ProjectFolder
from annotator.services.access import passwords
from annotator.services.access.account import find_account
from annotator.services.access.failed_logins import LoginThrottle
from annotator.services.access.passwords import hash_password, verify_password
from annotator.services.access.sessions import Device
from annotator.services.accounts import add_account, log_in
from tests.support.projects.accounts import PASSWORD, REAL_HASHER, log_in_as, logged_in
from tests.support.serving import Server

HERE = Device("a test", "192.0.2.1")


@pytest.fixture(autouse=True)
def _hashes_are_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", REAL_HASHER)


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password1234!",
        "qwertyuiop",
        "1234567890",
        "iloveyou12",
        "aaaaaaaaaaaa",
        "adalovelace",
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str):
    with pytest.raises(FacelabelError, match="easy to guess"):
        hash_password(password, "Ada Lovelace" if password != "adalovelace" else "adalovelace")


@pytest.mark.parametrize(
    "password",
    [PASSWORD, "quiet otters read maps", "ω" * 5 + "кот на крыше 17", hashlib.sha512(b"a").hexdigest() * 5],
)
def test_other_passwords_are_allowed(password: str):
    hashed = hash_password(password, "Ada").text
    assert verify_password(hashed, password).right
    assert not verify_password(hashed, password + "x").right


def test_an_older_hash_is_renewed_at_the_login(project: ProjectFolder):
    with project.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD).password_hash = PasswordHasher(
            time_cost=1, memory_cost=8192, parallelism=4
        ).hash(PASSWORD)
    account, _ = log_in(project.database, "Ada", PASSWORD, HERE)
    with project.database.read() as session:
        renewed = session.get_one(Labeller, account.id).password_hash
        assert renewed != account.password_hash
        assert "p=1" in renewed
    assert log_in(project.database, "Ada", PASSWORD, HERE) is not None
    assert log_in(project.database, "Ada", PASSWORD + "x", HERE) is None


def test_an_account_without_a_password_cannot_log_in_with_one(project: ProjectFolder):
    with project.database.write() as session:
        add_account(session, "Ada", "admin", PASSWORD)
        find_account(session, "Ada").password_hash = NO_PASSWORD
    for password in (NO_PASSWORD, "", PASSWORD):
        assert log_in(project.database, "Ada", password, HERE) is None


def test_two_passwords_are_checked_at_once_two_wait_and_others_are_refused():
    hashed = hash_password(PASSWORD, "Ada").text
    start = threading.Barrier(12)

    def check(_: int) -> str:
        start.wait()
        try:
            return str(verify_password(hashed, PASSWORD).right)
        except TooMany as error:
            return f"{error.code} {error.retry_after}"

    with ThreadPoolExecutor(12) as threads:
        results = list(threads.map(check, range(12)))
    assert set(results) == {"True", "login_busy 1"}
    assert results.count("True") >= 4


class Clock:
    def __init__(self) -> None:
        self.time = now()

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def failures(
    throttle: LoginThrottle, name: str, address: str, device: str | None = None, most: int = 200
) -> int:
    """How many attempts are allowed at this time."""
    for number in range(most):
        if throttle.attempt(name, address, device).wait > 0:
            return number
    return most


def test_failures_are_counted_by_name_and_address_and_slower_by_name(project: ProjectFolder):
    clock = Clock()
    throttle = LoginThrottle(project, clock)
    assert failures(throttle, "Ada", "192.0.2.1") == PAIR.failures
    assert failures(throttle, "ADA", "192.0.2.1") == 0
    assert failures(throttle, "Bob", "192.0.2.1") == PAIR.failures
    others = sum(failures(throttle, "Ada", f"198.51.100.{number}") for number in range(1, 20))
    assert others == NAME.failures - PAIR.failures
    assert failures(throttle, "Ada", "203.0.113.5") == 0  # a stranger with many addresses is slowed down
    clock.advance(NAME.seconds)
    assert failures(throttle, "Ada", "203.0.113.5") == 1
    assert sum(failures(throttle, f"name {number}", "192.0.2.9") for number in range(50)) == ADDRESS.failures


def test_a_known_browser_is_not_slowed_down_by_strangers(project: ProjectFolder):
    throttle = LoginThrottle(project, Clock())
    for number in range(1, 9):
        failures(throttle, "Ada", f"198.51.100.{number}")
    assert throttle.attempt("Ada", "198.51.100.1").wait > 0
    assert failures(throttle, "Ada", "198.51.100.1", "a browser") == DEVICE.failures


def test_an_attempt_that_does_not_fail_gives_its_place_back(project: ProjectFolder):
    throttle = LoginThrottle(project, Clock())
    for _ in range(2 * PAIR.failures):
        throttle.give_back(throttle.attempt("Ada", "192.0.2.1"))
    assert failures(throttle, "Ada", "192.0.2.1") == PAIR.failures


def test_one_network_of_ipv6_counts_as_one_address(project: ProjectFolder):
    throttle = LoginThrottle(project, Clock())
    assert failures(throttle, "Ada", "2001:db8::1") == PAIR.failures
    assert failures(throttle, "Ada", "2001:db8::2") == 0
    assert failures(throttle, "Ada", "2001:db8:0:1::2") == PAIR.failures


def test_what_was_typed_as_a_name_is_neither_stored_nor_counted_for_longer_than_needed(
    project: ProjectFolder,
):
    clock = Clock()
    throttle = LoginThrottle(project, clock)
    failures(throttle, "correct horse battery", "192.0.2.1")
    clock.advance(LONGEST_SECONDS + 1)
    throttle.attempt("Ada", "198.51.100.1")
    with project.database.read() as session:
        keys = list(session.scalars(select(FailedLogins.key)))
    assert len(keys) == 3
    assert not any("horse" in key or "Ada" in key or "198.51" in key for key in keys)


def test_two_processes_count_failures_together(project: ProjectFolder):
    clock = Clock()
    one, other = (LoginThrottle(ProjectFolder.open(project.path), clock) for _ in range(2))
    for number in range(PAIR.failures):
        assert (one if number % 2 else other).attempt("Ada", "192.0.2.1").wait == 0
    assert one.attempt("Ada", "192.0.2.1").first
    again = other.attempt("Ada", "192.0.2.1")
    assert again.wait == PAIR.seconds
    assert not again.first


def test_a_stranger_does_not_lock_a_colleague_out(team: Server):
    colleague = logged_in(team, "Bob")
    assert colleague.post("/logout", {}).status_code == 204
    stranger = team.client()
    answers = [log_in_as(stranger, "Bob", f"guess {number}") for number in range(12)]
    assert {answer.status_code for answer in answers[:10]} == {401}
    assert answers[-1].status_code == 429
    assert 0 < int(answers[-1].headers["Retry-After"]) <= PAIR.seconds
    assert (
        log_in_as(team.client(), "Bob").status_code == 429
    )  # also the right password, from a browser that nobody knows
    assert log_in_as(colleague, "Bob").status_code == 200
