"""Answers to image files that belong to no snapshot."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from trainer.calibrate import class_evidence, probabilities
from trainer.errors import ImageError
from trainer.files import write_atomically
from trainer.images import load_image
from trainer.saved_model import SavedModel, load_model

BATCH = 64
EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def predict_files(
    model: Path, images: Iterable[Path], to: Path, progress: Callable[[int, int], None]
) -> tuple[int, list[str]]:
    """Write `image_name`, and per attribute the most probable code and its probability, one row per image.

    Args:
        model: The folder of a fine-tuned network.
        images: Files, and folders whose image files are meant, in the order of their names.
        to: The CSV file.
        progress: Called with images done and images in all.

    Returns:
        Images written, and why the others could not be read.

    Raises:
        ModelError: The model folder is not whole.
    """
    saved = load_model(model)
    files = list(_files(images))
    failed: list[str] = []
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = [column for name in saved.codes for column in (name, f"p:{name}")]
    writer.writerow(["image_name", *columns])
    for start in range(0, len(files), BATCH):
        batch = files[start : start + BATCH]
        writer.writerows(_rows(saved, batch, failed))
        progress(start + len(batch), len(files))
    write_atomically(to, stream.getvalue().encode())
    return len(files) - len(failed), failed


def _files(images: Iterable[Path]) -> Iterator[Path]:
    for path in images:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix.lower() in EXTENSIONS)
        else:
            yield path


def _rows(saved: SavedModel, files: list[Path], failed: list[str]) -> list[list[object]]:
    config, known, pixels = saved.config, [], []
    for file in files:
        try:
            pixels.append(load_image(file, config.image_size, crop=config.crop))
            known.append(file)
        except ImageError as failure:
            failed.append(failure.what)
    rows: list[list[object]] = [[file.as_posix()] for file in known]
    if not known:
        return rows
    with torch.inference_mode():
        logits = saved.network(saved.network.prepare(torch.stack(pixels)))
    for name, codes in saved.codes.items():
        prior = np.asarray(saved.calibration[name]["prior"])
        evidence = class_evidence(logits[name].numpy(), prior, config)
        p = probabilities(evidence, prior, saved.calibration[name]["temperature"])
        for row, answer, chances in zip(rows, p.argmax(axis=1), p, strict=True):
            row += [codes[answer], f"{chances[answer]:.4f}"]
    return rows
