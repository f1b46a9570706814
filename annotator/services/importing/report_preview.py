"""Reports of imports as the page shows them: all counts, and the first entries of every list."""

from __future__ import annotations

from typing import Any

from annotator.services.importing.sources import SourceReport

_SHOWN = 200
"""Entries of a list."""


def excerpt(report: SourceReport, name: str) -> dict[str, Any]:
    """The report of an upload that is called `name`; the whole one lies in imports/."""
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
    first = [[_text(one), _text(other) if isinstance(other, str) else other] for one, other in pairs[:_SHOWN]]
    return {"count": len(pairs), "first": first}


def _text(text: str) -> str:
    """A text that can be stored and sent: names of files may hold bytes that are none."""
    return text.encode(errors="backslashreplace").decode()
