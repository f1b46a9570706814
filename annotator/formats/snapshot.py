"""The snapshot folder of FORMATS.md: its writer, which knows no database, and its verification."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from annotator import __version__
from annotator.domain.schema import CANNOT_TELL, CANNOT_TELL_NAME, Schema, canonical_json
from annotator.domain.splits import SplitRule
from annotator.errors import FacelabelError
from annotator.files import shard_path, sync_folder, write_atomically
from annotator.formats.csv_text import csv_text
from annotator.formats.manifest import damaged, hash_manifest, read_manifest, sha256_of, verify_files

ImageMode = Literal["none", "copy", "link"]
IMAGE_COLUMNS = (
    "image_name", "sha256", "width", "height", "split", "group", "source", "original_path", "crop_box", "file",
)  # fmt: skip


@dataclass(frozen=True)
class SnapshotImage:
    """One row: an image and its labels by attribute name; null is "can't tell", absent is not labelled."""

    name: str
    sha256: str
    extension: str
    width: int
    height: int
    split: str
    group: str
    source: str
    original_path: str
    done: bool
    labels: dict[str, int | None]

    @property
    def file(self) -> str:
        """The path of the image file below the images root."""
        return shard_path(Path(), self.sha256, self.extension).as_posix()


@dataclass(frozen=True)
class HistoryRow:
    """One answer that was ever given."""

    image_name: str
    attribute: str
    code: int | None
    labeller: str
    origin: str
    milliseconds: int | None


@dataclass(frozen=True)
class SnapshotOptions:
    """How a snapshot is written: names instead of codes, the images beside it or not."""

    names: bool = False
    images: ImageMode = "none"


def write_snapshot(
    folder: Path,
    schema: Schema,
    images: list[SnapshotImage],
    splits: SplitRule,
    images_root: Path,
    options: SnapshotOptions,
    history: Iterable[HistoryRow] | None = None,
) -> dict[str, Any]:
    """Write a whole snapshot folder and return its manifest.

    It is written under a temporary name and renamed when it is whole and synced.

    Raises:
        FacelabelError: if the folder exists, or cannot be written; nothing is left behind then.
    """
    if folder.exists():
        raise FacelabelError(
            "snapshot_exists",
            f"{folder} exists already, and a snapshot is never edited.",
            do="Name another folder.",
        )
    images = sorted(images, key=lambda image: image.name)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        files = {
            "labels.csv": _labels_csv(schema, images, options.names),
            "attributes.csv": _attributes_csv(schema),
            "images.csv": _images_csv(images),
        }
        if history is not None:
            files["annotations.csv"] = _history_csv(history)
        for name, content in files.items():
            write_atomically(unfinished / name, content)
        if options.images != "none":
            _place_images(unfinished / "images", images, images_root, options.images)
        manifest = _manifest(schema, images, splits, images_root, options, files)
        write_atomically(unfinished / "manifest.json", canonical_json(manifest).encode())
        unfinished.replace(folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise FacelabelError(
            "cannot_write",
            f"The snapshot {folder} could not be written: {error}.",
            do="Make room, or name another folder.",
        ) from error
    except FacelabelError:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return manifest


def verify_snapshot(folder: Path) -> dict[str, Any]:
    """Check every byte of a snapshot, its images too where it holds them; returns its manifest.

    Raises:
        FacelabelError: naming what is missing or changed.
    """
    manifest = read_manifest(folder, "facelabel-snapshot")
    verify_files(folder, manifest)
    if (
        _content_hash({name: entry["sha256"] for name, entry in manifest["files"].items()})
        != manifest["content_hash"]
    ):
        raise damaged(folder, "its content hash is not that of its files")
    known = {"manifest.json", *manifest["files"]}
    if manifest["images"]["mode"] != "none":
        known.add("images")
        _verify_images(folder)
    if extra := sorted(path.name for path in folder.iterdir() if path.name not in known):
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


def _labels_csv(schema: Schema, images: list[SnapshotImage], names: bool) -> bytes:
    columns = [attribute.name for attribute in schema.attributes]
    named = {
        (attribute.name, value.code): value.name
        for attribute in schema.attributes
        for value in attribute.values
    }

    def cell(labels: dict[str, int | None], column: str) -> object:
        if column not in labels:
            return ""
        code = labels[column]
        if names:
            return CANNOT_TELL_NAME if code is None else named[column, code]
        return CANNOT_TELL if code is None else code

    rows = ([image.name, *(cell(image.labels, column) for column in columns)] for image in images)
    return csv_text(["image_name", *columns], rows).encode()


def _attributes_csv(schema: Schema) -> bytes:
    rows = (
        (attribute.name, value.code, value.name, value.status)
        for attribute in schema.attributes
        for value in attribute.values
    )
    return csv_text(("attribute", "code", "name", "status"), rows).encode()


def _images_csv(images: list[SnapshotImage]) -> bytes:
    rows = (
        (i.name, i.sha256, i.width, i.height, i.split, i.group, i.source, i.original_path, "", i.file)
        for i in images
    )
    return csv_text(IMAGE_COLUMNS, rows).encode()


def _history_csv(history: Iterable[HistoryRow]) -> bytes:
    header = ("image_name", "attribute", "code", "labeller", "origin", "milliseconds")
    rows = (
        (
            row.image_name,
            row.attribute,
            ("" if row.origin == "undo" else CANNOT_TELL) if row.code is None else row.code,
            row.labeller,
            row.origin,
            "" if row.milliseconds is None else row.milliseconds,
        )
        for row in history
    )
    return csv_text(header, rows).encode()


def _place_images(target: Path, images: list[SnapshotImage], root: Path, mode: ImageMode) -> None:
    for image in images:
        source, place = root / image.file, target / image.file
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            continue
        if mode == "link":
            try:
                os.link(source, place)
            except (
                OSError
            ):  # another file system: a link is not possible there, a copy is the same to a reader
                shutil.copyfile(source, place)
        else:
            shutil.copyfile(source, place)


def _content_hash(hashes: dict[str, str]) -> str:
    return hashlib.sha256(
        "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes)).encode()
    ).hexdigest()


def _manifest(
    schema: Schema,
    images: list[SnapshotImage],
    splits: SplitRule,
    images_root: Path,
    options: SnapshotOptions,
    files: dict[str, bytes],
) -> dict[str, Any]:
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = {
        "cells": "names" if options.names else "codes",
        "content_hash": _content_hash(hashes),
        "counts": _counts(schema, images),
        "created_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "files": {name: {"bytes": len(content), "sha256": hashes[name]} for name, content in files.items()},
        "format": "facelabel-snapshot",
        "images": {
            "mode": options.images,
            "root": str(images_root.resolve()) if options.images == "none" else "images",
        },
        "schema": {"attributes": [_attribute(a) for a in schema.attributes], "hash": schema.hash()},
        "splits": {"seed": splits.seed, "share_test": splits.share_test, "share_val": splits.share_val},
        "tool": f"facelabel {__version__}",
        "version": 1,
    }
    return manifest | {"manifest_hash": hash_manifest(manifest)}


def _attribute(attribute: Any) -> dict[str, Any]:
    values = attribute.values if attribute.kind == "categorical" else ()
    return {
        "groups": attribute.groups,
        "kind": attribute.kind,
        "name": attribute.name,
        "required": attribute.required,
        "title": attribute.title,
        "values": [{"code": v.code, "ends": v.ends, "name": v.name, "status": v.status} for v in values],
    }


def _counts(schema: Schema, images: list[SnapshotImage]) -> dict[str, Any]:
    attributes: dict[str, dict[str, int]] = {a.name: {} for a in schema.attributes if a.kind == "categorical"}
    splits: dict[str, int] = {}
    for image in images:
        splits[image.split] = splits.get(image.split, 0) + 1
        for name, code in image.labels.items():
            if name in attributes:
                key = str(CANNOT_TELL if code is None else code)
                attributes[name][key] = attributes[name].get(key, 0) + 1
    return {
        "attributes": attributes,
        "groups": len({image.group for image in images}),
        "images": len(images),
        "labelled": sum(image.done for image in images),
        "splits": splits,
    }
