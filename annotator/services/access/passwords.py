"""Passwords: which ones are allowed, and hashing them without slowing down the others.

A hash takes about 0.2 s of a processor on purpose. Hashing therefore runs in two threads of low priority, so that a burst of
log-ins does not hold up those who are labelling, and a request that would wait long is refused instead.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from annotator.domain.roles import NO_PASSWORD
from annotator.errors import FacelabelError, TooMany

MIN_PASSWORD = 10

_ENOUGH_GUESSES = 1e6
"""A password that is found with fewer guesses is refused: "too guessable" to "very guessable" in zxcvbn's words."""
_COMPARED = 72
"""Characters of a password that are estimated; the estimate takes the square of this number."""
_AT_ONCE = 2
_WAITING = 2
_NICENESS = 5
# One lane: the four of the default would take four processors from those who are labelling. RFC 9106, section 4.
_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_places = threading.BoundedSemaphore(_AT_ONCE + _WAITING)

Result = TypeVar("Result")


@dataclass(frozen=True)
class HashedPassword:
    """The hash of an allowed password. It is computed before a transaction begins, because others wait for a writer."""

    text: str


def hash_password(password: str, name: str) -> HashedPassword:
    """Hash a password with argon2id.

    Args:
        password: the password.
        name: the name of the account, which makes a bad password.

    Raises:
        FacelabelError: if the password is too short or easy to guess.
        TooMany: if too many hashes are being computed.
    """
    if len(password) < MIN_PASSWORD:
        raise FacelabelError(
            "weak_password",
            f"A password needs at least {MIN_PASSWORD} characters.",
            do="Choose a longer one.",
        )
    if reason := _why_guessable(password, name):
        raise FacelabelError(
            "common_password",
            f"This password is easy to guess. {reason}".strip(),
            do="Choose another one, such as four words that do not belong together.",
        )
    return HashedPassword(_hash_in_turn(lambda: _hasher.hash(password)))


def _why_guessable(password: str, name: str) -> str:
    """Why a password is easy to guess, in a sentence that may be "."; empty if it is not.

    zxcvbn knows the 30,000 most common passwords, English words, names, keyboard walks, dates and repetitions (Wheeler:
    zxcvbn: low-budget password strength estimation, USENIX Security 2016).
    """
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its word lists take 12 MiB, and few processes set a password

    estimate = zxcvbn(password[:_COMPARED], user_inputs=[name, "facelabel"])
    if estimate["guesses"] >= _ENOUGH_GUESSES:
        return ""
    return str(estimate["feedback"]["warning"]) or "It is made of common parts."


@dataclass(frozen=True)
class Check:
    """The result of checking a password. `renewed`: a hash with today's parameters if the stored one has others."""

    right: bool
    renewed: str | None = None


def verify_password(password_hash: str | None, password: str) -> Check:
    """Check a password. Without a hash it takes as long, so that nobody learns which accounts exist.

    Raises:
        TooMany: if too many hashes are being computed.
    """
    usable = password_hash if password_hash and password_hash != NO_PASSWORD else None
    return _hash_in_turn(lambda: _verify(usable, password))


def _verify(password_hash: str | None, password: str) -> Check:
    try:
        _hasher.verify(password_hash or _dummy_hash(), password)
    except (VerifyMismatchError, InvalidHashError):
        return Check(right=False)
    if password_hash is None:
        return Check(right=False)
    return Check(True, _hasher.hash(password) if _hasher.check_needs_rehash(password_hash) else None)


@cache
def _dummy_hash() -> str:
    return _hasher.hash(secrets.token_hex(16))


def _hash_in_turn(compute: Callable[[], Result]) -> Result:
    """Run a computation in one of the two threads; refuse it if others wait already."""
    if not _places.acquire(blocking=False):
        raise TooMany(
            "login_busy", "Many people log in at this moment.", do="Try again in a second.", retry_after=1
        )
    try:
        return _threads().submit(compute).result()
    finally:
        _places.release()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="password", initializer=_lower_priority)


def _lower_priority() -> None:
    if sys.platform == "linux":  # elsewhere the priority belongs to the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
