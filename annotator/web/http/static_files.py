"""The address of the static files: it contains their version, so that a page never gets the scripts of another version."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


@cache
def static_version(folder: Path) -> str:
    """A short hash of the names and the content of all files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]
