"""Announcing files to a server."""

import secrets

import requests

from tests.support.serving import Server


def announce(server: Server, size: int, piece: bytes = b"a") -> requests.Response:
    """Announce a file of `size` bytes and send its first piece."""
    headers = {"Content-Type": "application/octet-stream", "Idempotency-Key": secrets.token_hex(8)}
    address = f"{server.url}/api/v1/imports?name=a.bin&bytes={size}"
    return requests.post(address, data=piece, headers=headers, timeout=60)
