"""The manifest of snapshots and predictions (FORMATS.md): it is written last, and its hashes reveal any changed byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from annotator.domain.schema import canonical_json
from annotator.errors import FacelabelError

_KEYS = {
    "facelabel-backup": {"counts", "database", "files", "missing", "project", "revision", "token"},
    "facelabel-snapshot": {"cells", "content_hash", "counts", "files", "images", "schema", "splits"},
    "facelabel-network": {"feature_size", "files", "input_size", "license", "network", "weights"},
    "facelabel-predictions": {"files", "metrics", "model", "rows", "schema", "snapshot"},
}
"""The keys that every manifest must have; another program may have written it."""


def read_manifest(folder: Path, expected_format: str) -> dict[str, Any]:
    """Read the manifest of a snapshot or predictions folder and check it against its own hash.

    Raises:
        FacelabelError: if it is missing, has another format or version, or was changed.
    """
    path = folder / "manifest.json"
    try:
        text = path.read_bytes().decode()
        manifest = json.loads(text)
    except FileNotFoundError as error:
        raise FacelabelError(
            "no_manifest",
            f"{folder} has no manifest.json: it is not a {expected_format} folder, or it was not completed.",
            do="Name a complete folder, or write it again.",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(folder, f"manifest.json cannot be read: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != expected_format:
        raise damaged(folder, f"manifest.json is not that of a {expected_format} folder")
    if manifest.get("version") != 1:
        raise FacelabelError(
            "unknown_version",
            f"{folder} has version {manifest.get('version')} of its format; this program reads version 1.",
            do="Use a newer Facelabel.",
        )
    rest = {key: value for key, value in manifest.items() if key != "manifest_hash"}
    if canonical_json(manifest) != text or hash_manifest(rest) != manifest.get("manifest_hash"):
        raise damaged(folder, "manifest.json was changed after it was written")
    if missing := sorted(_KEYS[expected_format] - manifest.keys()):
        raise damaged(folder, f"manifest.json lacks {', '.join(missing)}")
    return manifest


def hash_manifest(manifest: dict[str, Any]) -> str:
    """Return the `manifest_hash` of a manifest that has none yet."""
    return hashlib.sha256(canonical_json(manifest).encode()).hexdigest()


def verify_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Check every file that a manifest lists.

    Raises:
        FacelabelError: it names all files that are missing or were changed.
    """
    wrong = [
        f"{name} is missing" if not (folder / name).is_file() else f"{name} was changed"
        for name, entry in manifest["files"].items()
        if not (folder / name).is_file() or sha256_of(folder / name) != entry["sha256"]
    ]
    if wrong:
        raise damaged(folder, "; ".join(wrong))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damaged(folder: Path, what: str) -> FacelabelError:
    """The error for a folder that differs from its manifest."""
    return FacelabelError(
        "damaged_folder",
        f"{folder} cannot be trusted: {what}.",
        do="Write it again from the project, or copy it again from an undamaged copy.",
    )
