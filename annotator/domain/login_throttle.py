"""How often log-ins may fail: by name and address, by address, and slower by name.

Each rule is a token bucket (Turner: New directions in communications, 1986): so many failures at once, then one more every
so many seconds. A browser that logged in as somebody before is counted alone and is not slowed down by what strangers do
with the same name (OWASP: Slow down online guessing attacks with device cookies).
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_MOST_KEYS = 20_000
"""When more names and addresses are remembered, those that are full again are forgotten."""


@dataclass(frozen=True)
class Rule:
    """So many failures at once, then one every `seconds`."""

    failures: int
    seconds: float


DEVICE = Rule(10, 60)
"""For a browser that logged in as this account before."""
PAIR = Rule(10, 180)
"""For a name from an address. It is slower than the rule for a name, so that one address alone cannot use that one up."""
ADDRESS = Rule(20, 120)
"""For an address, whatever the names."""
NAME = Rule(30, 60)
"""For a name, from all addresses of browsers that nobody knows: a stranger with many addresses is slow, too."""


@dataclass
class _Bucket:
    """`level`: the failures that are still allowed, at the time `at`."""

    rule: Rule
    level: float
    at: float

    def refill(self, now: float) -> None:
        self.level = min(self.rule.failures, self.level + (now - self.at) / self.rule.seconds)
        self.at = now

    @property
    def wait(self) -> float:
        """Seconds until one more failure is allowed."""
        return max(0.0, (1 - self.level) * self.rule.seconds)


@dataclass(frozen=True)
class Attempt:
    """An attempt to log in. `wait`: seconds until it is allowed; 0 if it is, and then a place is taken.

    `first`: it is the first one that is refused since the last one that was allowed.
    """

    wait: float
    first: bool = False
    keys: tuple[str, ...] = ()


@dataclass
class LoginThrottle:
    """Counts failed log-ins. A place is taken before a password is checked, so that many at once do not get past it.

    Args:
        clock: gives seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def attempt(self, name: str, address: str, device: str | None = None) -> Attempt:
        """Take a place for an attempt, if it is allowed.

        Args:
            name: the name that somebody logs in with.
            address: the client's network address.
            device: the browser's random name, if it logged in with this name before.
        """
        name, network = name.casefold(), _network(address)
        rules = {f"device {device} {name}": DEVICE}
        if device is None:
            rules = {f"address {network}": ADDRESS, f"pair {network} {name}": PAIR, f"name {name}": NAME}
        keys = tuple(rules)
        with self._lock:
            now = self.clock()
            self._forget(now)
            buckets = [
                self._buckets.get(key) or _Bucket(rule, rule.failures, now) for key, rule in rules.items()
            ]
            for bucket in buckets:
                bucket.refill(now)
            wait = max(bucket.wait for bucket in buckets)
            if wait > 0:
                first = keys[-1] not in self._refused
                self._refused.add(keys[-1])
                return Attempt(wait, first)
            self._refused.discard(keys[-1])
            for key, bucket in zip(keys, buckets, strict=True):
                bucket.level -= 1
                self._buckets[key] = bucket
        return Attempt(0.0, keys=keys)

    def give_back(self, attempt: Attempt) -> None:
        """Give back the place of an attempt that did not fail."""
        with self._lock:
            for key in attempt.keys:
                if bucket := self._buckets.get(key):
                    bucket.level = min(bucket.rule.failures, bucket.level + 1)

    def _forget(self, now: float) -> None:
        if len(self._buckets) + len(self._refused) < _MOST_KEYS:
            return
        for bucket in self._buckets.values():
            bucket.refill(now)
        self._buckets = {
            key: bucket for key, bucket in self._buckets.items() if bucket.level < bucket.rule.failures
        }
        self._refused.clear()


def _network(address: str) -> str:
    """An address as it is counted: of IPv6, the network of 64 bits that one customer gets."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
