"""The answers of a snapshot that several people gave to the same cells (annotations.csv of FORMATS.md), and known truths."""

import csv
from collections.abc import Iterator, Mapping
from itertools import combinations, groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.data.snapshot import CANNOT_TELL, KEPT, Attribute, Snapshot
from trainer.runtime.errors import SnapshotError

ANNOTATIONS = "annotations.csv"
_LABELS = ("human", "suggestion")
_VOID = ("reopened", "cleared")
Truths = Mapping[str, Mapping[str, int]]
"""Attribute → image name → class index of the truth, or `CANNOT_TELL`."""


def count_pairs(snapshot: Snapshot) -> dict[str, NDArray[np.float64]]:
    """Count the pairs of answers that different people gave to the same cell, by attribute.

    A cell counts as one pair, however many people answered it. Answers that somebody gave when the cell had another person's
    answer as its label are left out with the whole cell: it was asked again because its label looked wrong, or corrected.

    Returns:
        Attribute → (values, values) counts by the classes of the two answers; {} without annotations.csv.
    """
    attributes = {attribute.name: attribute for attribute in snapshot.categorical}
    pairs = {name: np.zeros((len(one.codes), len(one.codes))) for name, one in attributes.items()}
    for _, name, answers in _cells(snapshot, attributes):
        if len({labeller for labeller, _, is_label in answers if is_label}) > 1:
            continue
        classes = list({labeller: index for labeller, index, _ in answers}.values())
        known = [index for index in classes if index != CANNOT_TELL]
        both = list(combinations(known, 2))
        for one, other in both:
            pairs[name][one, other] += 1 / len(both)
    return pairs if ANNOTATIONS in snapshot.manifest["files"] else {}


def count_answers_to(snapshot: Snapshot, truths: Truths) -> dict[str, NDArray[np.float64]]:
    """Count the answers of people to cells with a known truth, such as gold images, by attribute.

    Returns:
        Attribute → (values, values) counts by the classes of truth and answer; {} without annotations.csv.
    """
    attributes = {attribute.name: attribute for attribute in snapshot.categorical}
    counts = {name: np.zeros((len(one.codes), len(one.codes))) for name, one in attributes.items()}
    for image, name, answers in _cells(snapshot, attributes):
        truth = truths.get(name, {}).get(image, CANNOT_TELL)
        for index in {labeller: index for labeller, index, _ in answers}.values():
            if CANNOT_TELL not in (truth, index):
                counts[name][truth, index] += 1
    return counts if ANNOTATIONS in snapshot.manifest["files"] else {}


def count_labels(snapshot: Snapshot, truths: Truths) -> dict[str, NDArray[np.float64]]:
    """Count the labels of cells with a known truth, by attribute: (values, values) by the classes of truth and label."""
    rows = {name: row for row, name in enumerate(snapshot.image_names)}
    counts = {}
    for attribute in snapshot.categorical:
        of_attribute = np.zeros((len(attribute.codes), len(attribute.codes)))
        for image, truth in truths.get(attribute.name, {}).items():
            label = int(snapshot.labels[attribute.name][rows[image]])
            if truth >= 0 and label >= 0:
                of_attribute[truth, label] += 1
        counts[attribute.name] = of_attribute
    return counts


def read_truths(path: Path, snapshot: Snapshot) -> Truths:
    """Read a CSV of true values: image_name and columns of codes, as in labels.csv. An empty cell is not known.

    Raises:
        SnapshotError: The file cannot be read, or names an image, an attribute or a code that the snapshot does not have.
    """
    attributes = {attribute.name: attribute for attribute in snapshot.categorical}
    truths: dict[str, dict[str, int]] = {name: {} for name in attributes}
    images = set(snapshot.image_names)
    others = {attribute.name for attribute in snapshot.attributes} - attributes.keys()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True)
            if "image_name" not in (table.fieldnames or ()):
                raise _wrong(path, "it has no column image_name")
            for row in table:
                image = row.pop("image_name")
                if image not in images:
                    raise _wrong(path, f"the snapshot has no image {image!r}")
                for name, cell in row.items():
                    if cell and name not in others:
                        truths[name][image] = _class_index(attributes[name], int(cell))
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as cause:
        raise _wrong(path, f"it is no table of codes with the columns of labels.csv ({cause})") from cause
    return truths


def _wrong(path: Path, what: str) -> SnapshotError:
    return SnapshotError(f"{path} cannot be used: {what}.", KEPT, "Write it like the snapshot's labels.csv.")


def _cells(
    snapshot: Snapshot, attributes: Mapping[str, Attribute]
) -> Iterator[tuple[str, str, list[tuple[str, int, bool]]]]:
    """Yield image, attribute and the answers of people that still count: labeller, class index, and whether it was the label."""
    if ANNOTATIONS not in snapshot.manifest["files"]:
        return
    with (snapshot.path / ANNOTATIONS).open(encoding="utf-8", newline="") as file:
        for image, rows in groupby(csv.DictReader(file, strict=True), lambda row: row["image_name"]):
            answers: dict[str, list[tuple[str, int, bool]]] = {}
            for row in rows:
                if row["attribute"] in attributes:
                    of_cell = answers.setdefault(row["attribute"], [])
                    _add(of_cell, row, attributes[row["attribute"]])
            yield from ((image, name, of_cell) for name, of_cell in answers.items())


def _add(answers: list[tuple[str, int, bool]], row: Mapping[str, str], attribute: Attribute) -> None:
    """Add a row of annotations.csv to the answers of its cell."""
    origin, labeller = row["origin"], row["labeller"]
    if origin in _VOID:
        answers.clear()
    elif origin == "undo":
        undone = next(
            (place for place in reversed(range(len(answers))) if answers[place][0] == labeller), None
        )
        if undone is not None:
            del answers[undone]
    elif origin in _LABELS or origin == "opinion":
        index = _class_index(attribute, int(row["code"])) if row["code"] else CANNOT_TELL
        answers.append((labeller, index, origin in _LABELS))


def _class_index(attribute: Attribute, code: int) -> int:
    """The class of a code, or of the one that it was merged into; `CANNOT_TELL` for a value that was split."""
    if code == CANNOT_TELL:
        return CANNOT_TELL
    index = attribute.codes.index(code)
    into = attribute.values[index].replaced_by
    if not into:
        return index
    return _class_index(attribute, into[0]) if len(into) == 1 else CANNOT_TELL
