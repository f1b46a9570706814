"""The browser at the other end of the connection."""

from __future__ import annotations

from flask import request

from annotator.domain.user_agents import device_name
from annotator.services.access.sessions import Device
from annotator.web.http.proxies import client_address


def client_device() -> Device:
    """The browser that sent this request."""
    return Device(device_name(request.headers.get("User-Agent", "")), client_address(request))
