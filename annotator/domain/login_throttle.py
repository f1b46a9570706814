"""How often log-ins may fail: by name and address, by address, and slower by name.

Each rule is a token bucket (Turner: New directions in communications, 1986): so many failures at once, then one more every
so many seconds. A browser that logged in as somebody before is counted alone and is not slowed down by what strangers do
with the same name (OWASP: Slow down online guessing attacks with device cookies).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """So many failures at once, then one every `seconds`."""

    failures: int
    seconds: float

    def level(self, before: float, elapsed: float) -> float:
        """The failures that are allowed again.

        Args:
            before: how many were allowed.
            elapsed: the seconds since then.
        """
        return min(self.failures, before + max(0.0, elapsed) / self.seconds)

    def wait(self, level: float) -> float:
        """Seconds until one more failure is allowed."""
        return max(0.0, (1 - level) * self.seconds)


DEVICE = Rule(10, 60)
"""For a browser that logged in as this account before."""
PAIR = Rule(10, 180)
"""For a name from an address. It is slower than the rule for a name, so that one address alone cannot use that one up."""
ADDRESS = Rule(20, 120)
"""For an address, whatever the names."""
NAME = Rule(30, 60)
"""For a name, from all addresses of browsers that nobody knows: a stranger with many addresses is slow, too."""
LONGEST_SECONDS = max(rule.failures * rule.seconds for rule in (DEVICE, PAIR, ADDRESS, NAME))
"""After so many seconds without a failure every rule allows all of its failures again."""


def rules_of(name: str, address: str, device: str | None) -> dict[str, Rule]:
    """The rules for an attempt, by what each counts.

    Args:
        name: the name that somebody logs in with.
        address: the client's network address.
        device: the browser's random name, if it logged in with this name before.
    """
    name, network = name.casefold(), _network(address)
    if device is not None:
        return {f"device {device} {name}": DEVICE}
    return {f"address {network}": ADDRESS, f"pair {network} {name}": PAIR, f"name {name}": NAME}


def _network(address: str) -> str:
    """An address as it is counted: of IPv6, the network of 64 bits that one customer gets."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
