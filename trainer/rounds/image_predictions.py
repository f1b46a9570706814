"""Answers to image files outside of a snapshot."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from trainer.data.snapshot import Snapshot
from trainer.finetune.saved_model import SavedModel
from trainer.pixels.kinds import HEAD_BYTES, IMAGE_ENDINGS, sniff_image, unreadable_kind
from trainer.rounds.load_model import open_network
from trainer.runtime import distributed
from trainer.runtime.errors import ImageError
from trainer.runtime.files import write_atomically

BATCH = 64


def predict_files(
    model: Path,
    images: Iterable[Path],
    to: Path,
    progress: Callable[[int, int], None],
    snapshot: Snapshot | None = None,
) -> tuple[int, list[str]]:
    """Write one CSV row per image: `image_name`, and per attribute the most probable code and its probability.

    Several processes divide the batches among themselves. The first one writes, and each returns the same result.

    Args:
        model: The folder of a fine-tuned network or a probe.
        images: Files, and folders whose image files are answered in the order of their names.
        to: The CSV file.
        progress: Called with images done and images in all.
        snapshot: The model sees the face of an image that the snapshot holds, and other images as a whole.

    Returns:
        The number of images written, and messages about the files that could not be read.

    Raises:
        ModelError: The model folder is incomplete.
    """
    saved = open_network(model)
    saved.network.to(distributed.device())
    files = list(_files(images))
    starts = range(0, len(files), BATCH)
    parts: dict[int, _Part] = {}
    for start in starts[distributed.rank() :: distributed.count()]:
        parts[start] = _answer(saved, files[start : start + BATCH], snapshot)
        progress(min(len(files), distributed.count() * BATCH * len(parts)), len(files))
    parts = distributed.gathered(parts)
    failed = [message for start in starts for message in parts[start].failed]
    if distributed.rank() == 0:
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        columns = [column for name in saved.codes for column in (name, f"p:{name}")]
        writer.writerow(["image_name", *columns])
        writer.writerows(row for start in starts for row in parts[start].rows)
        write_atomically(to, stream.getvalue().encode())
    return len(files) - len(failed), failed


class _Part(NamedTuple):
    """The result of a batch of files: a row per image, and messages about the files that could not be read."""

    rows: list[list[object]]
    failed: list[str]


def _files(images: Iterable[Path]) -> Iterator[Path]:
    for path in images:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file() and _is_image(file))
        else:
            yield path


def _is_image(file: Path) -> bool:
    """Whether a file is meant as an image: by its ending or its content, readable or not."""
    if file.suffix.lower() in IMAGE_ENDINGS:
        return True
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    return sniff_image(head) is not None or unreadable_kind(file, head) is not None


def _answer(saved: SavedModel, files: list[Path], snapshot: Snapshot | None) -> _Part:
    readable, pixels, failed = [], [], []
    for file in files:
        try:
            pixels.append(saved.load(file, snapshot.landmarks_of(file) if snapshot else None))
            readable.append(file)
        except ImageError as failure:
            failed.append(failure.what)
    rows: list[list[object]] = [[file.as_posix()] for file in readable]
    if not readable:
        return _Part(rows, failed)
    answers = saved.probabilities(torch.stack(pixels).to(distributed.device()))
    for name, codes in saved.codes.items():
        p = answers[name]
        for row, answer, chances in zip(rows, p.argmax(axis=1), p, strict=True):
            row += [codes[answer], f"{chances[answer]:.4f}"]
    return _Part(rows, failed)
