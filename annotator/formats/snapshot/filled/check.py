"""Checks that the filled cells of a snapshot fit its labels and its certificates, whose decisions are computed again."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotator.domain.certificates.basis import decide_again
from annotator.domain.certificates.target import Target
from annotator.formats.snapshot.filled.cells import (
    CERTIFICATES,
    FILLED,
    FilledCell,
    read_certificates,
    read_filled_cells,
)
from annotator.formats.snapshot.manifest import damaged

DECIDED = ("level", "errors", "tolerated", "remaining")
"""The entries of an outcome that must follow from its basis."""


def verify_filled_cells(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Check filled.csv and certificates.json of a snapshot, whose files have been verified.

    Every filled cell must have the value of labels.csv and a certificate of its attribute; the counts of the certificates must
    be those of the rows; and what each certificate decided must follow from its sample.

    Raises:
        FacelabelError: it names the first difference.
    """
    if (FILLED in manifest["files"]) != (CERTIFICATES in manifest["files"]):
        raise damaged(folder, f"it has only one of {FILLED} and {CERTIFICATES}")
    certificates = read_certificates(folder, manifest)
    try:
        by_name = {one["name"]: one for one in certificates}
        counts = _count_filled(folder, manifest, {name: one["attribute"] for name, one in by_name.items()})
        for name, one in by_name.items():
            if counts[name] != Counter(one["filled"]):
                raise damaged(folder, f"{FILLED} has other numbers of cells than the certificate {name}")
            if what := _difference(one):
                raise damaged(
                    folder,
                    f"{CERTIFICATES}: {what} of the certificate {name} does not follow from its sample",
                )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise damaged(folder, f"{CERTIFICATES} does not follow FORMATS.md: {error!r}") from error


def _count_filled(
    folder: Path, manifest: Mapping[str, Any], attributes: Mapping[str, str]
) -> dict[str, Counter[str]]:
    """Count the rows of filled.csv by certificate and code, each checked against labels.csv."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    texts = _texts(folder, manifest)
    cells = read_filled_cells(folder, manifest)
    cell = next(cells, None)
    if cell is None:
        return counts
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, strict=True)
        columns = {name: place for place, name in enumerate(next(rows))}
        for row in rows:
            last = 0
            while cell is not None and cell.image_name == row[0]:
                place = columns.get(cell.attribute, 0)
                is_right = attributes.get(cell.certificate) == cell.attribute
                if place <= last or not is_right or row[place] != texts.get((cell.attribute, cell.code)):
                    raise _misfit(folder, cell)
                counts[cell.certificate][cell.code] += 1
                cell, last = next(cells, None), place
    if cell is not None:
        raise _misfit(folder, cell)
    return counts


def _misfit(folder: Path, cell: FilledCell) -> Exception:
    where = f"{cell.attribute[:60]!r} of the image {cell.image_name[:60]!r}"
    return damaged(folder, f"{FILLED} does not fit labels.csv and {CERTIFICATES}: {where}")


def _texts(folder: Path, manifest: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """The texts of labels.csv by attribute and code."""
    with (folder / "attributes.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["attribute"], row["code"]): row["name"] if manifest["cells"] == "names" else row["code"]
            for row in csv.DictReader(file, strict=True)
        }


def _difference(certificate: Mapping[str, Any]) -> str:
    """Name what does not follow from the basis of a certificate; "" if everything does."""
    basis, outcome = certificate["basis"], certificate["outcome"]
    decision = decide_again(basis, Target.from_json(certificate["target"]), certificate["attempt"])
    if name := next((name for name in DECIDED if outcome[name] != getattr(decision, name)), ""):
        return name
    accepted = basis["population"][: decision.level or 0]
    cells = dict(zip(map(str, basis["codes"]), map(sum, zip(*accepted, strict=True)), strict=True))
    return next(
        (
            f"the number of filled cells with the code {c}"
            for c, n in certificate["filled"].items()
            if n > cells[c]
        ),
        "",
    )
