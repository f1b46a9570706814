"""Which objects earlier listings of a watched address have dealt with, so that a listing reads only what is new or has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from annotator.files import write_atomically
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.importing.bucket.objects import NOT_FINAL
from annotator.services.importing.reports import ImageReport
from annotator.store.bucket import Found

_HASH_BYTES = 16


class SeenObjects:
    """What became of the objects of the last whole listing: a file below cache/, which may be deleted.

    It has a hash of each object's address, size and etag, and no name. Of a refused one it has the reason too. It counts only
    while the project has the image that was its newest one then: the database may be that of a backup since.

    Args:
        project: the project.
        url: the address.
        forget: begin without what is known, so that all objects are looked at.
    """

    def __init__(self, project: ProjectFolder, url: str, *, forget: bool = False) -> None:
        self._project = project
        self._file = project.cache / "watched" / f"{hashlib.sha256(url.encode()).hexdigest()}.seen"
        self._hashes: NDArray[np.bytes_] = np.array([], f"S{_HASH_BYTES}")
        self._refused: dict[str, str] = {}
        if not forget:
            self._read()

    def rest_of(self, objects: Sequence[Found], report: ImageReport) -> list[Found]:
        """Return the objects that are still to be dealt with; the report counts the others."""
        hashes = [_hash(one) for one in objects]
        known = np.isin(np.array(hashes, self._hashes.dtype), self._hashes)
        rest = []
        for one, digest, is_known in zip(objects, hashes, known, strict=True):
            if is_known:
                report.already += 1
            elif (reason := self._refused.get(digest.hex())) is not None:
                report.refused.append((one.name, reason))
            else:
                rest.append(one)
        return rest

    def keep(self, objects: Sequence[Found], report: ImageReport) -> None:
        """Keep what became of all objects of a listing."""
        reasons = dict(report.refused)
        refused = {
            _hash(one).hex(): reasons[one.name]
            for one in objects
            if one.name in reasons and reasons[one.name] not in NOT_FINAL
        }
        done = np.array([_hash(one) for one in objects if one.name not in reasons], self._hashes.dtype)
        header = {"newest": self._newest(), "refused": refused}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._file, json.dumps(header).encode() + b"\n" + np.sort(done).tobytes())

    def _read(self) -> None:
        try:
            first, _, rest = self._file.read_bytes().partition(b"\n")
            header: dict[str, Any] = json.loads(first)
            hashes = np.frombuffer(rest, self._hashes.dtype)
        except (OSError, ValueError):  # there is none, or it is damaged
            return
        if header.get("newest") == self._newest(header.get("newest")):
            self._hashes, self._refused = hashes, dict(header["refused"])

    def _newest(self, known: Any = None) -> list[int | str] | None:
        """The number of the newest image and a hash of its SHA-256, which may be erased; or of the image with a known number."""
        query = select(Image.id, Image.sha256).order_by(Image.id.desc()).limit(1)
        if known:
            query = query.where(Image.id == int(known[0]))
        with self._project.database.read() as session:
            row = session.execute(query).one_or_none()
        return [row.id, hashlib.sha256(row.sha256.encode()).hexdigest()] if row is not None else None


def _hash(found: Found) -> bytes:
    content = f"{found.url}\0{found.bytes}\0{found.etag}".encode()
    return hashlib.blake2b(content, digest_size=_HASH_BYTES).digest()
