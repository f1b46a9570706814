"""The reports of imports that are kept in the project's imports/ folder, a file per import."""

from __future__ import annotations

import json
from typing import Any

from annotator.files import write_atomically
from annotator.formats.importers.mapping import Mapping
from annotator.models import now
from annotator.project import ProjectFolder


def write_report(project: ProjectFolder, report: dict[str, Any], mapping: Mapping) -> None:
    """Keep a report under a name that sorts by time, and beside it the mapping, to be used again."""
    time = now()
    if not mapping.is_empty:
        text = mapping.text(title=f"The mapping with which {report['source']!r} was imported.")
        place = project.imports / f"{time:%Y%m%dT%H%M%S.%fZ}.map.toml"
        write_atomically(place, text.encode(errors="backslashreplace"))
        report = report | {"mapping": f"imports/{place.name}"}
    content = json.dumps(
        {"finished": time.isoformat(timespec="seconds")} | report, ensure_ascii=False, indent=1
    )
    name = f"{time:%Y%m%dT%H%M%S.%fZ}.json"
    write_atomically(project.imports / name, content.encode(errors="backslashreplace"))


def list_reports(project: ProjectFolder, count: int = 10) -> list[dict[str, Any]]:
    """List the newest imports first: when, which source, the numbers of imported images and labels and of refused files."""
    files = sorted(project.imports.glob("*.json"), reverse=True)[:count]
    return [_summary(file.name, json.loads(file.read_bytes())) for file in files]


def _summary(file_name: str, report: dict[str, Any]) -> dict[str, Any]:
    labels = report["labels"] or {}
    return {
        "finished": report["finished"],
        "source": report["source"],
        "format": report["format"],
        "images": report["images"]["imported"],
        "labels": labels.get("added", 0) + labels.get("replaced", 0),
        "refused": len(report["images"]["refused"]),
        "unmapped": sum(report["unmapped"].values()),
        "report": f"imports/{file_name}",
    }
