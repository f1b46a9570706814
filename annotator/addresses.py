"""Names and addresses of a server and of those who call it: the public URL, host names, proxies. Nothing here asks a network."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts that only this machine can reach."""
ALL_INTERFACES = frozenset({"0.0.0.0", "::"})  # noqa: S104 - they are compared, not listened to
"""Addresses to listen on that are no name by which anybody calls the server."""

_PREFIX = re.compile(r"(/[\w.~-]+)*", re.ASCII)
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+", re.ASCII)
_BRACKETED = re.compile(r"\[([^\]]*)\](?::\d+)?")


@dataclass(frozen=True)
class PublicUrl:
    """The address that people open, where it differs from the one that the server listens on.

    Args:
        scheme: `https`, or `http` behind a proxy without TLS.
        netloc: host and port as a browser writes them in `Host` and `Origin`: lower case, no default port.
        prefix: the path below which everything lies, such as `/faces`; empty for the whole host.
    """

    scheme: str
    netloc: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.origin}{self.prefix}/"

    @property
    def origin(self) -> str:
        """What a browser sends as `Origin`."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def host(self) -> str:
        """The host's name."""
        return host_name(self.netloc)

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by HTTPS."""
        return self.scheme == "https"


def parse_public_url(text: str) -> PublicUrl:
    """Parse a public URL.

    Raises:
        ValueError: if it is not `http(s)://HOST[:PORT][/PATH]`.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    prefix = parts.path.rstrip("/")
    whole = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host) or not whole:
        raise ValueError("it must be like https://label.example.org or https://example.org/faces")
    if not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")):
        raise ValueError("it may have a path of letters, digits and . _ ~ - between the slashes")
    shown = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[parts.scheme]
    return PublicUrl(parts.scheme, shown if port in {None, default} else f"{shown}:{port}", prefix)


def parse_network(text: str) -> Network:
    """Parse an IP address, or a network such as 10.0.0.0/8.

    Raises:
        ValueError: if it is neither.
    """
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is no IP address, and no network like 10.0.0.0/8") from error


@lru_cache(maxsize=256)
def host_name(host: str) -> str:
    """The name in a `Host` header or a setting: lower case, without port, brackets or final dot; empty if there is none."""
    text = host.strip().lower()
    if text.count(":") > 1 and not text.startswith("["):
        return _plain(text)  # an IPv6 address as a setting has it
    try:
        name = urlsplit(f"//{text}").hostname or ""
    except ValueError:
        return ""
    return _plain(name)


def _plain(name: str) -> str:
    address = parse_address(name)
    return str(address) if address else name.removesuffix(".")


def own_names(host: str, names: Collection[str], public_url: PublicUrl | None) -> frozenset[str]:
    """The names that a request may call a server by.

    This machine's own names belong to them behind a proxy too: health checks use them, and where everybody logs in, a page
    that another site's name leads here (DNS rebinding) has no cookie.

    Args:
        host: the address that it listens on.
        names: the names that its settings add.
        public_url: the address that people open.
    """
    public = {public_url.host} if public_url else set()
    return LOCAL_NAMES | ({host_name(host)} - ALL_INTERFACES) | set(names) | public


def urls(host: str, port: int, names: Collection[str], public_url: PublicUrl | None) -> list[str]:
    """The addresses to open a server by: first one for this machine or network, then those for colleagues."""
    first = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is compared
    own = [http_url(name, port) for name in dict.fromkeys([first, *names])]
    return [*own, *([str(public_url)] if public_url else [])]


def http_url(host: str, port: int) -> str:
    """The address of a server that speaks HTTP on a host and a port, such as `http://[::1]:8420/`."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def parse_address(text: str) -> Address | None:
    """An IP address, also in brackets or with a port as proxies write it; None if it is none."""
    text = text.strip().strip('"')
    if bracketed := _BRACKETED.fullmatch(text):
        text = bracketed[1]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_trusted(address: str, proxies: Collection[Network]) -> bool:
    """Whether an address is that of a trusted proxy."""
    parsed = parse_address(address)
    return parsed is not None and any(parsed in network for network in proxies)


def client_behind(peer: str, forwarded: Sequence[str], proxies: Collection[Network]) -> str:
    """The address of the client of a request: the last hop that no trusted proxy is.

    Whatever stands left of it, the client may have written itself.

    Args:
        peer: the address that the connection came from.
        forwarded: the addresses of `X-Forwarded-For`, as they came: each proxy adds the one it heard from to the right.
        proxies: the trusted proxies.
    """
    client = peer
    for hop in reversed(forwarded):
        if not is_trusted(client, proxies):
            return client
        address = parse_address(hop)
        if address is None:
            return client
        client = str(address)
    return client
