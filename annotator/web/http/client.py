"""Who is at the other end of the connection: the network address and the browser."""

from __future__ import annotations

from flask import Request, request

from annotator.domain.user_agents import device_name
from annotator.services.access.sessions import Device


def client_address(received: Request) -> str:
    """The network address of the client that sent a request."""
    return received.remote_addr or ""


def client_device() -> Device:
    """The browser that sent this request."""
    return Device(device_name(request.headers.get("User-Agent", "")), client_address(request))
