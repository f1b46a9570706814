"""A conformant predictions folder with chosen probabilities, written straight from FORMATS.md."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import select

from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.schema_changes import read_schema


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def write_predictions(
    project: ProjectFolder, folder: Path, glasses: dict[str, list[float]], *, schema_hash: str | None = None
) -> Path:
    """Predictions that answer only `glasses` (codes 0, 1, 2) for the named images, ordered by falling doubt."""
    with project.database.read() as session:
        hashes = dict(session.execute(select(Image.name, Image.sha256)).all())
        schema_hash = schema_hash or read_schema(session).hash()
    names = sorted(glasses)
    top = [sorted(glasses[name], reverse=True) for name in names]
    scores = [1 - (best - second) for best, second, *_ in top]
    order = sorted(range(len(names)), key=lambda row: (-scores[row], names[row]))
    table = pa.table(
        {
            "image_name": names,
            "sha256": [hashes.get(name, "0" * 64) for name in names],
            "p:glasses": pa.array([glasses[name] for name in names], pa.list_(pa.float32(), 3)),
            "score:glasses": pa.array(scores, pa.float32()),
            "score": pa.array(scores, pa.float32()),
            "order": pa.array(order, pa.int32()),
        }
    )
    folder.mkdir(parents=True)
    with (
        pa.OSFile(str(folder / "predictions.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        writer.write_table(table, max_chunksize=65_536)
    content = (folder / "predictions.arrow").read_bytes()
    manifest = {
        "created_at": "2026-11-22T08:15:00Z",
        "files": {
            "predictions.arrow": {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        },
        "format": "facelabel-predictions",
        "metrics": {},
        "model": {"backbone": "none", "engine": "test", "name": "test", "weights_sha256": "0" * 64},
        "rows": len(names),
        "schema": {"attributes": [{"codes": [0, 1, 2], "name": "glasses"}], "hash": schema_hash},
        "seed": 0,
        "snapshot": {"content_hash": "0" * 64},
        "strategy": "margin",
        "tool": "test",
        "version": 1,
    }
    manifest["manifest_hash"] = hashlib.sha256(canonical(manifest).encode()).hexdigest()
    (folder / "manifest.json").write_text(canonical(manifest), encoding="utf-8")
    return folder
