"""Import reports as the page shows them: all counts, and the first entries of every list."""

from __future__ import annotations

from typing import Any

from annotator.services.importing.reports import SourceReport

_SHOWN = 200
"""Entries of each list that are shown."""


def preview(report: SourceReport, name: str) -> dict[str, Any]:
    """Return what the page shows of the report of an upload called `name`; the whole report is a file in imports/."""
    images, labels = report.images, report.labels
    shown: dict[str, Any] = {
        "source": name,
        "format": report.format,
        "dry_run": report.dry_run,
        "images": {
            "imported": images.imported,
            "already": images.already,
            "left_aside": images.left_aside,
            "faces": images.faces,
            "misfits": {
                "count": len(images.misfits),
                "first": [_text(name) for name in images.misfits[:_SHOWN]],
            },
            "duplicates": _first(images.duplicates),
            "renamed": _first(images.renamed),
            "refused": _first(images.refused),
        },
        "labels": None,
        "unmapped": _first(list(report.unmapped.items())),
        "notes": [_text(note) for note in report.notes[:_SHOWN]],
    }
    if labels is not None:
        shown["labels"] = {
            "rows": labels.rows,
            "added": labels.added,
            "replaced": labels.replaced,
            "unchanged": labels.unchanged,
            "kept": labels.kept,
            "absent": {"count": labels.absent, "first": [_text(name) for name in labels.absent_names]},
            "contradictions": _first(labels.contradictions),
            "left_aside": [_text(column) for column in labels.left_aside[:_SHOWN]],
            "notes": [_text(note) for note in labels.notes[:_SHOWN]],
            "values": {
                attribute: {_text(value): count for value, count in list(values.items())[:_SHOWN]}
                for attribute, values in labels.values.items()
            },
        }
    return shown


def _first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    first = [
        [_text(name), _text(value) if isinstance(value, str) else value] for name, value in pairs[:_SHOWN]
    ]
    return {"count": len(pairs), "first": first}


def _text(text: str) -> str:
    """The text with escapes for what UTF-8 cannot hold: file names may hold any bytes."""
    return text.encode(errors="backslashreplace").decode()
