"""Erasing images and names from the folder of a round.

Its snapshot and predictions are written anew without them, so that suggestions and the order of work stay. Reports show
faces and are removed; the worker writes that of the newest round again. Models keep their weights.
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from io import StringIO
from pathlib import Path

from annotator.errors import FacelabelError
from annotator.files import sync_folder, write_atomically
from annotator.formats.snapshot.csv_text import csv_line
from annotator.formats.snapshot.manifest import read_manifest
from annotator.formats.snapshot.removal import Erased, holds, remove_from_predictions, remove_from_snapshot
from annotator.services.erasure.texts import Words
from annotator.services.rounds.pruning import delete_unkept, is_pruned

_TEXTS = {".csv", ".json", ".jsonl", ".log", ".txt", ".toml", ".md"}
_PAGES = {".html"}


def erase_from_round(folder: Path, erased: Erased, words: Words, *, restart: bool) -> Counter[str]:
    """Erase from a round's folder; return what was removed, by kind.

    Args:
        folder: the folder of the round.
        erased: the images and people.
        words: the same as words of texts.
        restart: the round is not finished: if its snapshot holds any of it, it starts anew.
    """
    counts: Counter[str] = Counter()
    snapshot = folder / "snapshot"
    if restart and (not (snapshot / "manifest.json").exists() or holds(snapshot, erased)):
        shutil.rmtree(folder)
        sync_folder(folder.parent)
        return Counter({"rounds that start anew": 1})
    counts["reports of rounds"] += _remove_reports(folder, erased, words)
    content_hash = None
    try:
        if is_pruned(folder):
            delete_unkept(folder)  # its snapshot then is the manifest alone, which names nobody
        elif (snapshot / "manifest.json").exists():
            rows = remove_from_snapshot(snapshot, erased)
            counts["rows of rounds' snapshots"] += rows or 0
            content_hash = read_manifest(snapshot, "facelabel-snapshot")["content_hash"]
    except FacelabelError:
        counts += _remove_damaged(snapshot)
    for file in sorted(folder.rglob("predictions.arrow")):
        if any(part.startswith(".") for part in file.relative_to(folder).parts):
            continue  # what a killed erasure left; it is removed with the next step
        try:
            counts["rows of predictions"] += remove_from_predictions(file.parent, erased, content_hash)
        except FacelabelError:
            counts += _remove_damaged(file.parent)
    counts["other files of rounds"] += _erase_other_files(folder, words)
    return +counts


def _remove_damaged(folder: Path) -> Counter[str]:
    """Remove a folder that nobody can read: it may hold what was erased."""
    shutil.rmtree(folder)
    sync_folder(folder.parent)
    return Counter({"damaged folders": 1})


def _remove_reports(folder: Path, erased: Erased, words: Words) -> int:
    """Remove the reports that show faces of images that the round's snapshot still has; return their number.

    Whose faces the report of a pruned round shows is not known, so it is removed.
    """
    snapshot, removed = folder / "snapshot", 0
    is_held = (snapshot / "images.csv").is_file() and holds(snapshot, erased)
    is_held = is_held or (is_pruned(folder) and bool(erased.sha256))
    for report in sorted(folder.rglob("report")):
        if report.is_dir() and (is_held or _mentions(report, words)):
            shutil.rmtree(report)
            sync_folder(report.parent)
            removed += 1
    return removed


def _erase_other_files(folder: Path, words: Words) -> int:
    """Erase names from the other texts of a round; return the number of changed files."""
    changed = 0
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        if file.parent.name in {"snapshot", "predictions"} or file.suffix not in _TEXTS | _PAGES:
            continue
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
        if not words.are_in(text):
            continue
        if file.suffix in _PAGES:
            file.unlink()
        elif file.suffix == ".csv":
            write_atomically(file, _without_rows(text, words).encode(errors="surrogateescape"))
        else:
            write_atomically(file, words.erased_from(text).encode(errors="surrogateescape"))
        changed += 1
    return changed


def _mentions(folder: Path, words: Words) -> bool:
    files = (path for path in folder.rglob("*") if path.suffix in _TEXTS | _PAGES)
    return any(words.are_in(path.read_text(encoding="utf-8", errors="surrogateescape")) for path in files)


def _without_rows(text: str, words: Words) -> str:
    """A CSV without the rows that name something erased."""
    rows = csv.reader(StringIO(text, newline=""))
    return "".join(csv_line(row) for row in rows if not any(words.are_in(field) for field in row))
