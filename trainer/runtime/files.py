"""Files that are either complete or absent: canonical JSON, hashes, manifests, atomic writes.

Both folders of FORMATS.md end with a `manifest.json` that is written last and contains its own hash; the model folder
follows the same rule.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainer.runtime.errors import TrainerError

PRUNED = "PRUNED.txt"
"""The note in the folder of a pruned round (FORMATS.md)."""


def canonical_json(value: Any) -> str:
    """Return the canonical JSON text of a value: sorted keys, two spaces, no ASCII escapes, one LF at the end."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def sha256_text(text: str) -> str:
    """Return the sha256 of a text's UTF-8 bytes as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file's bytes as 64 lower-case hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file atomically: after a crash it holds either the old or the new content."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            os.fchmod(stream.fileno(), 0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path in a new folder beside `path`; what is written there replaces `path` atomically at the end.

    For libraries that write files themselves, too large to be held as bytes: whatever else they put beside the file is in
    that folder too, and is removed with it.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        temporary = Path(folder) / path.name
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        sync_folder(path.parent)


def remove_unfinished(folder: Path, name: str = "*") -> None:
    """Remove what killed calls of `write_atomically` and `replacing` left; nothing else may be writing these files.

    Args:
        folder: where they wrote; it may be missing.
        name: of the file that they wrote; a pattern.
    """
    for entry in folder.glob(f".{name}.*"):
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; a rename is durable only after its folder is synced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_entry(path: Path) -> dict[str, Any]:
    """Return a file's entry in a manifest: `{"bytes": …, "sha256": …}`."""
    return {"bytes": path.stat().st_size, "sha256": sha256_file(path)}


def write_manifest(path: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Write a manifest with its `manifest_hash` and return it; it must be the last file of its folder."""
    sealed = {**manifest, "manifest_hash": sha256_text(canonical_json(manifest))}
    write_atomically(path, canonical_json(sealed).encode())
    return sealed


def _missing(folder: Path, what: str, do: str) -> tuple[str, str, str]:
    """Return the texts of the error for a missing file; the note in the folder of a pruned round tells more."""
    for parent in (folder, *folder.parents[:2]):
        if (parent / PRUNED).is_file():
            what = (parent / PRUNED).read_text(encoding="utf-8").splitlines()[0]
            do = "Use a newer round."
            break
    return what, "Nothing was changed.", do


def read_manifest(path: Path, *, format_name: str, version: int, error: type[TrainerError]) -> dict[str, Any]:
    """Read a manifest and verify its hash and the hash of every file it names.

    Args:
        path: The `manifest.json`; the files it names are in the same folder.
        format_name: The required `format`.
        version: The required `version`.
        error: Class of the error to raise.

    Returns:
        The manifest.

    Raises:
        TrainerError: The folder is incomplete, a byte was changed, or it has another format or version.
    """
    folder, kept = path.parent, "Nothing was changed."
    again = "Write the folder again with the program that made it."
    try:
        text = path.read_bytes().decode()
        manifest = json.loads(text)
    except FileNotFoundError:
        what = f"{folder} has no {path.name}, so it is not a complete {format_name}."
        raise error(*_missing(folder, what, again)) from None
    except (OSError, ValueError) as cause:
        raise error(f"{path} cannot be read: {cause}.", kept, again) from cause
    if not isinstance(manifest, dict) or text != canonical_json(manifest):
        raise error(f"{path} was changed: it is not canonical JSON.", kept, again)
    if manifest.get("format") != format_name or manifest.get("version") != version:
        actual = f"{manifest.get('format')} version {manifest.get('version')}"
        raise error(
            f"{folder} holds {actual}, not {format_name} version {version}.",
            kept,
            "Use the version of facelabel that wrote it, or write the folder again with this one.",
        )
    unsealed = {key: value for key, value in manifest.items() if key != "manifest_hash"}
    if manifest.get("manifest_hash") != sha256_text(canonical_json(unsealed)):
        raise error(f"{path} was changed: its manifest_hash does not fit.", kept, again)
    for name, entry in manifest.get("files", {}).items():
        file = folder / name
        if not file.is_file():
            raise error(*_missing(folder, f"{file} is missing.", again))
        if file_entry(file) != entry:
            raise error(f"{file} was changed: its bytes are not those that the manifest names.", kept, again)
    return manifest
