"""Writing and verifying the snapshot folder of FORMATS.md."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from annotator import __version__
from annotator.domain.grouping.splits import SplitRule
from annotator.domain.schema import CANNOT_TELL, Attribute, Schema, canonical_json
from annotator.domain.states import Origin
from annotator.domain.timestamps import utc_text
from annotator.errors import FacelabelError
from annotator.files import staged_folder, sync_tree, write_atomically
from annotator.formats.snapshot.csv_text import csv_field, csv_line, csv_text
from annotator.formats.snapshot.dataset_card import Labelling, card_files
from annotator.formats.snapshot.faces import FACES, FaceRows, read_checked_faces, write_faces
from annotator.formats.snapshot.filled.cells import FilledCells, SnapshotCertificate
from annotator.formats.snapshot.filled.check import verify_filled_cells
from annotator.formats.snapshot.hashed_file import HashedFile
from annotator.formats.snapshot.images import ImageBatch, place_image
from annotator.formats.snapshot.known_images import KnownFile, Relabelled, write_relabelled
from annotator.formats.snapshot.labels import LabelLines
from annotator.formats.snapshot.manifest import damaged, hash_manifest, read_manifest, sha256_of, verify_files
from annotator.formats.snapshot.probabilities import (
    PROBABILITIES,
    SoftLabels,
    check_probabilities,
    write_probabilities,
)
from annotator.formats.snapshot.tally import Tally
from annotator.store.base import ContentStore

HISTORY_COLUMNS = ("image_name", "attribute", "code", "labeller", "origin", "milliseconds")
ImageMode = Literal["none", "copy", "link"]
IMAGE_COLUMNS = (
    "image_name", "sha256", "width", "height", "split", "group", "source", "original_path", "crop_box", "file",
)  # fmt: skip


@dataclass(frozen=True)
class HistoryRow:
    """One answer of the history; the code None is "can't tell", or an undone answer if the origin is undo."""

    image_name: str
    attribute: str
    code: int | None
    labeller: str
    origin: str
    milliseconds: int | None


@dataclass(frozen=True)
class SnapshotOptions:
    """How a snapshot is written: names instead of codes, image files beside it or not, a card or not."""

    names: bool = False
    images: ImageMode = "none"
    card: bool = True


def write_snapshot(
    folder: Path,
    schema: Schema,
    images: Iterable[ImageBatch] | Relabelled,
    splits: SplitRule,
    store: ContentStore,
    options: SnapshotOptions,
    history: Iterable[HistoryRow] | None = None,
    labelling: Labelling | None = None,
    *,
    faces: FaceRows | KnownFile = (),
    probabilities: Iterable[SoftLabels] | None = None,
    certificates: Sequence[SnapshotCertificate] = (),
) -> dict[str, Any]:
    """Write a whole snapshot folder and return its manifest.

    It is written under a hidden name and renamed when it is whole and durable; after an error, nothing is left. Rows are
    written as they come, so that a million images need no more memory than one.

    Args:
        folder: the folder to create.
        schema: the schema.
        images: all images, in the order of their names; or known images with new labels, if the snapshot has codes and
            neither image files nor a card.
        splits: the rule of the splits.
        store: the store of the image files.
        options: names or codes, image files or not, a card or not.
        history: the rows of annotations.csv, in its order; None leaves it out.
        labelling: how the labels were made, for the card.
        faces: the rows of faces.csv, or an earlier snapshot's file with the same rows; without a face there is no file.
        probabilities: the soft labels for probabilities.parquet, in the order of the images.
        certificates: those of the filled cells of `images`, as `FilledCells` takes them.

    Raises:
        FacelabelError: if the folder exists, is being written by another process or cannot be written.
    """
    _require_absent(folder)
    try:
        with staged_folder(folder) as unfinished:
            tally, texts = Tally(schema), {"attributes.csv": _attributes_csv(schema)}
            filled = FilledCells(unfinished, certificates)
            if isinstance(images, Relabelled):
                assert options == SnapshotOptions(card=False), "known images have only labels"
                files, counts = write_relabelled(unfinished, schema, images)
            else:
                files = _write_rows(unfinished, schema, images, store, options, (tally, filled))
                counts = tally.manifest()
            if options.card:
                texts |= card_files(schema, tally, splits, labelling or Labelling(), filled.entries)
            files |= write_faces(unfinished, faces) | _write_history(unfinished, history)
            files |= write_probabilities(unfinished, probabilities)
            files |= {name: _write_text(unfinished / name, text) for name, text in texts.items()}
            if options.images == "copy":
                sync_tree(unfinished / "images")
            manifest = _manifest(schema, counts, splits, store, options, files)
            write_atomically(unfinished / "manifest.json", canonical_json(manifest).encode())
    except OSError as error:
        what = f"The snapshot {folder} could not be written: {error}."
        raise FacelabelError("cannot_write", what, do="Make room, or name another folder.") from error
    return manifest


def _require_absent(folder: Path) -> None:
    if folder.exists():
        what = f"{folder} exists already, and a snapshot never changes."
        raise FacelabelError("snapshot_exists", what, do="Name another folder.")


def verify_snapshot(folder: Path) -> dict[str, Any]:
    """Check every byte of a snapshot, including the image files that it holds, and return its manifest.

    Raises:
        FacelabelError: it names what is missing or was changed.
    """
    manifest = read_manifest(folder, "facelabel-snapshot")
    verify_files(folder, manifest)
    if content_hash(manifest["files"]) != manifest["content_hash"]:
        raise damaged(folder, "its content hash is not that of its files")
    if FACES in manifest["files"]:
        for _ in read_checked_faces(folder):
            pass  # it checks every row
    if PROBABILITIES in manifest["files"]:
        check_probabilities(folder, manifest)
    verify_filled_cells(folder, manifest)
    expected = {"manifest.json", *manifest["files"]}
    if manifest["images"]["mode"] != "none":
        expected.add("images")
        _verify_images(folder)
    if extra := sorted(path.name for path in folder.iterdir() if path.name not in expected):
        raise damaged(folder, f"{extra[0]} does not belong to it")
    return manifest


def _verify_images(folder: Path) -> None:
    with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            path = folder / "images" / row["file"]
            if not path.is_file() or sha256_of(path) != row["sha256"]:
                raise damaged(
                    folder, f"the image {row['image_name']} ({row['file']}) is missing or was changed"
                )


def _write_rows(
    folder: Path,
    schema: Schema,
    images: Iterable[ImageBatch],
    store: ContentStore,
    options: SnapshotOptions,
    counting: tuple[Tally, FilledCells],
) -> dict[str, Any]:
    """Write labels.csv, images.csv, filled.csv and the image files in one pass; return the entries of the manifest."""
    tally, filled = counting
    lines = LabelLines(schema, names=options.names)
    with (
        filled,
        HashedFile(folder / "labels.csv") as labels_csv,
        HashedFile(folder / "images.csv") as images_csv,
    ):
        labels_csv.write(lines.header())
        images_csv.write(csv_line(IMAGE_COLUMNS))
        previous = ""
        # Column by column, which takes a third of the time of row by row.
        for batch in images:
            names = [previous, *batch.names]
            assert names == sorted(names), "the rows are not in the order of their names"
            previous = names[-1]
            tally.add(batch)
            filled.add(batch)
            images_csv.write(_image_lines(batch))
            labels_csv.write(lines.of(list(map(csv_field, batch.names)), batch.codes))
            if options.images != "none":
                for name, file in zip(batch.names, batch.files, strict=True):
                    if not (folder / "images" / file).exists():
                        link = options.images == "link"
                        place_image(store, file, name, folder / "images" / file, link=link)
    return {"labels.csv": labels_csv.entry(), "images.csv": images_csv.entry(), **filled.write_certificates()}


def _image_lines(batch: ImageBatch) -> str:
    """The lines of images.csv."""
    columns = [
        batch.names, batch.sha256, list(map(str, batch.widths)), list(map(str, batch.heights)), batch.splits, batch.groups,
        batch.sources, batch.original_paths, batch.crop_boxes, batch.files,
    ]  # fmt: skip
    text = "\n".join(map(",".join, zip(*columns, strict=True))) + "\n"
    # Few fields need quotes, and checking the whole text is faster than checking each field.
    commas = len(batch) * (len(IMAGE_COLUMNS) - 1)
    if text.count(",") == commas and text.count("\n") == len(batch) and '"' not in text and "\r" not in text:
        return text
    return "".join(map(csv_line, zip(*columns, strict=True)))


def _attributes_csv(schema: Schema) -> str:
    rows = (
        (attribute.name, value.code, value.name, value.status)
        for attribute in schema.attributes
        for value in attribute.values
    )
    return csv_text(("attribute", "code", "name", "status"), rows)


def _write_text(path: Path, text: str) -> dict[str, Any]:
    """Write a file and return its entry of the manifest."""
    with HashedFile(path) as file:
        file.write(text)
    return file.entry()


def _write_history(folder: Path, history: Iterable[HistoryRow] | None) -> dict[str, Any]:
    """Write annotations.csv and return its entry of the manifest by its name; {} without history."""
    if history is None:
        return {}
    with HashedFile(folder / "annotations.csv") as file:
        file.write(csv_line(HISTORY_COLUMNS))
        for row in history:
            code = ("" if row.origin == Origin.UNDO else CANNOT_TELL) if row.code is None else row.code
            milliseconds = "" if row.milliseconds is None else row.milliseconds
            file.write(
                csv_line((row.image_name, row.attribute, code, row.labeller, row.origin, milliseconds))
            )
    return {"annotations.csv": file.entry()}


def content_hash(files: dict[str, dict[str, Any]]) -> str:
    """Return the content hash of FORMATS.md. It covers the CSV files; the card only describes them."""
    lines = [f"{files[name]['sha256']}  {name}\n" for name in sorted(files) if name.endswith(".csv")]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _manifest(
    schema: Schema,
    counts: dict[str, Any],
    splits: SplitRule,
    store: ContentStore,
    options: SnapshotOptions,
    files: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    manifest = {
        "cells": "names" if options.names else "codes",
        "content_hash": content_hash(files),
        "counts": counts,
        "created_at": utc_text(datetime.now(UTC)),
        "files": files,
        "format": "facelabel-snapshot",
        "images": {
            "mode": options.images,
            "root": str(store.local_root.resolve()) if options.images == "none" else "images",
        },
        "schema": {"attributes": [_attribute(a) for a in schema.attributes], "hash": schema.hash()},
        "splits": {"seed": splits.seed, "share_test": splits.share_test, "share_val": splits.share_val},
        "tool": f"facelabel {__version__}",
        "version": 1,
    }
    return manifest | {"manifest_hash": hash_manifest(manifest)}


def _attribute(attribute: Attribute) -> dict[str, Any]:
    values = attribute.values if attribute.kind == "categorical" else ()
    return {
        "groups": attribute.groups,
        "kind": attribute.kind,
        "name": attribute.name,
        "required": attribute.required,
        "title": attribute.title,
        "values": [
            {"code": v.code, "ends": v.ends, "name": v.name, "status": v.status}
            | ({"replaced_by": list(v.replaced_by)} if v.replaced_by else {})
            for v in values
        ],
    }
