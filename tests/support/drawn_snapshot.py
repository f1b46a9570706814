"""A synthetic snapshot of small drawn faces with visible attributes, written as FORMATS.md describes it."""

import csv
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from trainer.runtime.files import canonical_json, file_entry, sha256_file, sha256_text, write_manifest

HAIR = {0: (60, 40, 20), 2: (230, 200, 90), 5: (150, 150, 150)}
ATTRIBUTES: dict[str, dict[int, str]] = {
    "glasses": {0: "none", 1: "glasses"},
    "hair": {0: "brown", 2: "blond", 5: "gray", 6: "green"},
    "beard": {0: "no", 1: "yes"},
    "not_human": {0: "a face", 1: "no face"},
}
"""Glasses and hair are drawn; green is retired; nobody answers beard; an answer of 1 to not_human ends the image."""
IMAGE_COLUMNS = [
    "image_name",
    "sha256",
    "width",
    "height",
    "split",
    "group",
    "source",
    "original_path",
    "crop_box",
    "file",
]
Row = dict[str, Any]


def draw_face(file: Path, glasses: int, hair: int, random: np.random.Generator) -> None:
    """Draw one face of 72x64 pixels, a little different every time."""
    image = Image.new("RGB", (72, 64), tuple(random.integers(90, 160, 3).tolist()))
    pen = ImageDraw.Draw(image)
    x, y = random.integers(-3, 4, 2).tolist()
    pen.ellipse((16 + x, 8 + y, 56 + x, 60 + y), fill=tuple(random.integers(180, 230, 3).tolist()))
    pen.rectangle((14 + x, 2 + y, 58 + x, 16 + y), fill=HAIR[hair])
    if glasses:
        pen.rectangle((20 + x, 26 + y, 34 + x, 36 + y), outline=(0, 0, 0), width=3)
        pen.rectangle((38 + x, 26 + y, 52 + x, 36 + y), outline=(0, 0, 0), width=3)
    image.save(file)


def draw_faces(
    folder: Path, images: int, *, labelled: int, people: int = 0, mislabelled: Collection[int] = ()
) -> Path:
    """Draw images and write a snapshot in which the first `labelled` are answered, but for beard.

    Args:
        folder: Is made; the images are below its `images/`.
        images: How many.
        labelled: How many of them.
        people: Groups that the images are spread over; 0 for every image on its own.
        mislabelled: Numbers of the images whose answer to glasses is wrong.
    """
    (folder / "images").mkdir(parents=True)
    random = np.random.default_rng(3)
    rows = []
    for number in range(images):
        name = f"{number:04d}.png"
        cells = {"glasses": int(random.random() < 0.4), "hair": int(random.choice(list(HAIR)))}
        draw_face(folder / "images" / name, cells["glasses"], cells["hair"], random)
        if number in mislabelled:
            cells["glasses"] = 1 - cells["glasses"]
        group = f"identity:{number % people}" if people else f"image:{number}"
        answers = cells | {"not_human": 0} if number < labelled else {}
        rows.append({"image_name": name, "group": group, "split": split_of(group), **answers})
    return write_snapshot(folder, rows)


def split_of(group: str, seed: int = 0) -> str:
    """Return the split of a group as FORMATS.md says."""
    share = int(sha256_text(f"{seed}:{group}")[:16], 16) / 2**64
    return "test" if share < 0.2 else "val" if share < 0.4 else "train"


def write_snapshot(
    folder: Path,
    rows: list[Row],
    *,
    attributes: dict[str, dict[int, str]] = ATTRIBUTES,
    root: str = "images",
    changes: dict[str, Any] | None = None,
) -> Path:
    """Write the files of a snapshot; a row has image_name, group, split and a code per answered attribute."""
    root_folder = Path(folder, root)
    images = [
        {
            "sha256": sha256_file(root_folder / row["image_name"]),
            "width": 72,
            "height": 64,
            "source": "drawn",
            "original_path": row["image_name"],
            "file": row["image_name"],
            **row,
        }
        for row in rows
    ]
    folder.mkdir(exist_ok=True)
    _write_csv(folder / "labels.csv", ["image_name", *attributes, "identity"], rows)
    _write_csv(folder / "images.csv", IMAGE_COLUMNS, images)
    values = [
        {"attribute": name, "code": code, "name": value, "status": _status(value)}
        for name, codes in attributes.items()
        for code, value in codes.items()
    ]
    _write_csv(folder / "attributes.csv", ["attribute", "code", "name", "status"], values)
    write_manifest(folder / "manifest.json", _manifest(folder, attributes, root) | (changes or {}))
    return folder


def _status(value: str) -> str:
    return "retired" if value == "green" else "active"


def _write_csv(file: Path, columns: list[str], rows: Iterable[Row]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _manifest(folder: Path, attributes: dict[str, dict[int, str]], root: str) -> dict[str, Any]:
    files = {name: file_entry(folder / name) for name in ("attributes.csv", "images.csv", "labels.csv")}
    identity = {
        "groups": True,
        "kind": "open",
        "name": "identity",
        "required": False,
        "title": "",
        "values": [],
    }
    listed = [
        {
            "groups": False,
            "kind": "categorical",
            "name": name,
            "required": True,
            "title": name.title(),
            "values": [
                {"code": code, "ends": value == "no face", "name": value, "status": _status(value)}
                for code, value in codes.items()
            ],
        }
        for name, codes in attributes.items()
    ]
    schema = [
        {"codes": [[code, value] for code, value in codes.items()], "kind": "categorical", "name": name}
        for name, codes in attributes.items()
    ]
    schema.append({"codes": [], "kind": "open", "name": "identity"})
    return {
        "cells": "codes",
        "content_hash": sha256_text("".join(f"{files[name]['sha256']}  {name}\n" for name in sorted(files))),
        "counts": {},
        "created_at": "2026-11-22T08:15:00Z",
        "files": files,
        "format": "facelabel-snapshot",
        "images": {"mode": "copy", "root": root},
        "schema": {"attributes": [*listed, identity], "hash": sha256_text(canonical_json(schema))},
        "splits": {"seed": 0, "share_test": 0.2, "share_val": 0.2},
        "tool": "facelabel 0.1.0",
        "version": 1,
    }
