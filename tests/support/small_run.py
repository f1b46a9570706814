"""A small snapshot of drawn squares and a small network: a whole fine-tuning run in a second."""

import csv
import fcntl
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
from PIL import Image
from torch import nn

from trainer import networks
from trainer.config import FitConfig
from trainer.data.snapshot import Snapshot
from trainer.networks import Stages
from trainer.runtime.files import canonical_json, file_entry, sha256_file, sha256_text, write_manifest

CODES = {"colour": [0, 2, 5], "mark": [0, 1], "same": [0, 1], "never": [0, 1]}
"""Colour and mark are drawn, `same` always has the answer 1, `never` has none."""
COLOURS = [(200, 40, 40), (40, 180, 40), (50, 60, 210)]
CONFIG = FitConfig(
    network="small",
    pretrained=False,
    batch_norm="trained",
    image_size=32,
    epochs=4,
    batch_size=8,
    learning_rate=5e-3,
    head_learning_rate=5e-3,
    ema_decay=0.5,
    checkpoint_steps=1,
    threads=1,
    workers=0,
)

FROM_PROBE = CONFIG.model_copy(
    update={"head": "probe", "loss": "adjusted", "class_power": 0.0, "start_share": 0.5}
)
"""What the default preset does: heads that start from a probe, and their start kept in part."""


class Small(Stages):
    """Two convolutions."""

    name = "small"
    channels = feature_size = 16
    input_size = 32
    mean = (0.5, 0.5, 0.5)
    std = (0.5, 0.5, 0.5)

    def __init__(self) -> None:
        super().__init__(
            {
                name: nn.Sequential(
                    nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
                )
                for name, inputs, outputs in (("first", 3, 8), ("second", 8, 16))
            }
        )


def _build(pretrained: bool, weights: Path | None) -> Small:
    assert not pretrained, "there are no published weights"
    return Small()


def register_small() -> None:
    """Let `networks.build("small")` find the network."""
    networks.BUILDERS["small"] = _build


def hold_lock(path: Path, held: Event, release: Event) -> None:
    """Hold a lock file until told to let go."""
    with path.open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        held.set()
        release.wait()


def draw_snapshot(folder: Path, *, images: int = 48, shift: int = 0, val: bool = True) -> Snapshot:
    """Draw images and write a snapshot of them: two thirds train, a third val; some cells are not answered."""
    register_small()
    random = np.random.default_rng(7)
    (folder / "images").mkdir(parents=True)
    labels, rows = [], []
    for number in range(images):
        name = f"{number:03d}.png"
        colour, mark = (number + shift) % 3, (number // 3) % 2
        pixels = random.integers(0, 40, (40, 36, 3)) + np.array(COLOURS[colour])
        if mark:
            pixels[5:20, 5:20] = 255
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / name)
        cells = [str(CODES["colour"][colour]), str(mark), "1", ""]
        if number % 7 == 0:
            cells[number % 2] = "" if number % 3 else "-1"
        labels.append([name, *cells])
        split = "val" if val and number % 3 == number // 3 % 3 else "train"
        sha = sha256_file(folder / "images" / name)
        rows.append([name, sha, 36, 40, split, f"image:{sha[:16]}", "drawn", name, "", name])
    _write(folder / "labels.csv", ["image_name", *CODES], labels)
    header = [
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
    _write(folder / "images.csv", header, rows)
    values = [[name, code, f"v{code}", "active"] for name, codes in CODES.items() for code in codes]
    _write(folder / "attributes.csv", ["attribute", "code", "name", "status"], values)
    _write_manifest(folder)
    return Snapshot.open(folder)


def _write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_manifest(folder: Path) -> None:
    files = {name: file_entry(folder / name) for name in ("attributes.csv", "images.csv", "labels.csv")}
    schema = [
        {"codes": [[code, f"v{code}"] for code in codes], "kind": "categorical", "name": name}
        for name, codes in CODES.items()
    ]
    attributes = [
        {
            "groups": False,
            "kind": "categorical",
            "name": name,
            "required": True,
            "title": name,
            "values": [
                {"code": code, "ends": False, "name": f"v{code}", "status": "active"} for code in codes
            ],
        }
        for name, codes in CODES.items()
    ]
    content = "".join(f"{entry['sha256']}  {name}\n" for name, entry in sorted(files.items()))
    write_manifest(
        folder / "manifest.json",
        {
            "cells": "codes",
            "content_hash": sha256_text(content),
            "counts": {},
            "created_at": "2026-01-01T00:00:00Z",
            "files": files,
            "format": "facelabel-snapshot",
            "images": {"mode": "copy", "root": "images"},
            "schema": {"attributes": attributes, "hash": sha256_text(canonical_json(schema))},
            "splits": {"seed": 0, "share_test": 0.0, "share_val": 0.3},
            "tool": "test",
            "version": 1,
        },
    )
