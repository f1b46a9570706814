"""The names of what Facelabel makes in a project's folder."""

from __future__ import annotations

from collections.abc import Collection

DATABASE, LINK = "facelabel.db", "database.json"
"""The database's file, or the file that names its PostgreSQL database instead."""

PARTS = frozenset(
    {
        "analysis.lock", "attributes.toml", "cache", LINK, "erasures", "exports", "images", "imports", "networks", "photos", "rounds",
        "secret.key", "snapshots", "store.url", "uploads", "views", "worker.lock", "workers",
    }
)  # fmt: skip
"""All of them, besides what begins with `_PREFIXES`."""

STORES = frozenset({"images", "photos"})
"""The folders that a user may have too, with other photos: the project's files in them are named by their content."""

_PREFIXES = (DATABASE, ".facelabel", ".import-", "access.jsonl", ".access.lock")


def is_part(name: str) -> bool:
    """Return whether Facelabel makes a file or folder of this name in a project's folder."""
    return name in PARTS or name.startswith(_PREFIXES)


def holds_project(names: Collection[str]) -> bool:
    """Return whether a folder with these files and folders is a project's."""
    return DATABASE in names or {LINK, "attributes.toml"} <= set(names)
