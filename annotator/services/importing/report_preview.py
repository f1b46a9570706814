"""Import reports as the page shows them: all counts, and the first entries of every list."""

from __future__ import annotations

from typing import Any

from annotator.services.importing.report_texts import heads_text, image_texts, unmatched_texts
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
            "found": images.found,
            "imported": images.imported,
            "already": images.already,
            "left_aside": images.left_aside,
            "ignored": {_text(kind): count for kind, count in list(images.ignored.items())[:_SHOWN]},
            "faces": images.faces,
            "misfits": {
                "count": len(images.misfits),
                "first": [_text(name) for name in images.misfits[:_SHOWN]],
            },
            "duplicates": _first(images.duplicates),
            "renamed": _first(images.renamed),
            "texts": [_text(text) for text in image_texts(images, dry_run=report.dry_run)],
            "refused": _first(images.refused),
            "excluded": _first(images.excluded),
            "notes": _first(list(images.notes.items())),
        },
        "labels": None,
        "heads": report.heads and report.heads.as_dict() | {"text": heads_text(report.heads)},
        "unread": _first(report.unread),
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
            "absent": {
                "count": labels.absent,
                "first": [_text(name) for name in labels.absent_names[:_SHOWN]],
            },
            "excluded": {
                "count": labels.excluded,
                "first": [_text(name) for name in labels.excluded_names[:_SHOWN]],
            },
            "elsewhere": _first_of(labels.elsewhere_rows, labels.elsewhere),
            "ambiguous": _first_of(labels.ambiguous_rows, labels.ambiguous),
            "texts": [_text(text) for text in unmatched_texts(labels)],
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


def _first_of(count: int, paths: dict[str, list[str]]) -> dict[str, Any]:
    """Rows by the name that they give, each with the images or paths that are meant."""
    first = [[_text(name), _text(" or ".join(others))] for name, others in list(paths.items())[:_SHOWN]]
    return {"count": count, "first": first}


def _text(text: str) -> str:
    """The text with escapes for what UTF-8 cannot hold: file names may hold any bytes."""
    return text.encode(errors="backslashreplace").decode()
