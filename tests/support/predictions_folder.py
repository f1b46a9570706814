"""A predictions folder with chosen probabilities, written as FORMATS.md describes it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import select

from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.schema_editing.changes import read_schema

SURE, UNCERTAIN = [0.98, 0.01, 0.01], [0.40, 0.38, 0.22]
"""Probabilities of the codes of `glasses`."""


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def write_predictions(
    project: ProjectFolder,
    folder: Path,
    glasses: dict[str, list[float]],
    *,
    schema_hash: str | None = None,
    **more: Any,
) -> Path:
    """Write predictions of only `glasses` (codes 0, 1, 2) for the named images, most uncertain first."""
    cells = {name: {"glasses": probabilities} for name, probabilities in glasses.items()}
    return write_cells(project, folder, cells, schema_hash=schema_hash, **more)


def write_cells(
    project: ProjectFolder,
    folder: Path,
    cells: dict[str, dict[str, list[float]]],
    *,
    schema_hash: str | None = None,
    drawn: Mapping[str, float] | None = None,
    snapshot: str = "0" * 64,
) -> Path:
    """Write predictions for the named images: per attribute (the same for all) the probabilities of its codes 0, 1, 2, …

    `drawn`: the images that chance put in their places, with its probability. `snapshot`: the content hash of what they learned
    from.
    """
    with project.database.read() as session:
        hashes = dict(session.execute(select(Image.name, Image.sha256)).all())
        schema_hash = schema_hash or read_schema(session).hash()
    names = sorted(cells)
    counts = {attribute: len(probabilities) for attribute, probabilities in cells[names[0]].items()}
    uncertainties = {a: [_uncertainty(cells[name][a]) for name in names] for a in counts}
    scores = [sum(column) / len(counts) for column in zip(*uncertainties.values(), strict=True)]
    order = sorted(range(len(names)), key=lambda row: (-scores[row], names[row]))
    columns: dict[str, Any] = {"image_name": names, "sha256": [hashes.get(name, "0" * 64) for name in names]}
    for attribute, count in counts.items():
        kind = pa.list_(pa.float32(), count)
        columns[f"p:{attribute}"] = pa.array([cells[name][attribute] for name in names], kind)
        columns[f"score:{attribute}"] = pa.array(uncertainties[attribute], pa.float32())
    columns |= {"score": pa.array(scores, pa.float32()), "order": pa.array(order, pa.int32())}
    if drawn is not None:
        columns["drawn"] = pa.array([drawn.get(name) for name in names], pa.float32())
    table = pa.table(columns)
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
        "schema": {
            "attributes": [{"codes": list(range(count)), "name": name} for name, count in counts.items()],
            "hash": schema_hash,
        },
        "seed": 0,
        "snapshot": {"content_hash": snapshot},
        "strategy": "margin",
        "tool": "test",
        "version": 1,
    }
    manifest["manifest_hash"] = hashlib.sha256(canonical(manifest).encode()).hexdigest()
    (folder / "manifest.json").write_text(canonical(manifest), encoding="utf-8")
    return folder


def _uncertainty(probabilities: list[float]) -> float:
    best, second, *_ = sorted(probabilities, reverse=True)
    return 1 - (best - second)
