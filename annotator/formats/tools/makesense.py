"""makesense.ai's image labels: one flat list of labels per image, as JSON or as its own kind of CSV.

We write a label as `attribute=value`, because two attributes may share a value. We read such a label as attribute and value,
and any other label as a value without an attribute. The CSV has no header and escapes nothing:
`000001.jpg,"[brown hair,glasses]"`. Like makesense, it leaves out images without a label. Exports of boxes
(`label_name,bbox_x,…`) are read as labels of the whole image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from annotator.domain.plurals import counted
from annotator.domain.schema import CANNOT_TELL_NAME
from annotator.formats.exporters.base import Export, Losses, cannot_say
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage
from annotator.formats.importers.safe_readers import (
    first_item,
    first_line,
    image_name,
    plain_text,
    read_csv_rows,
    read_json_items,
    read_lines,
    refuse,
)

_LINE = re.compile(r'(.*?),"\[(.*)\]"', re.DOTALL)
_OURS = re.compile(r"([a-z][a-z0-9_]{0,62})=(.*)", re.DOTALL)
_BOXES = (
    "label_name", "bbox_x", "bbox_y", "bbox_width", "bbox_height", "image_name", "image_width", "image_height",
)  # fmt: skip
_KEYS = {"image", "annotations"}


def recognise(path: Path) -> bool:
    """Return whether a file is one of makesense's exports: JSON, CSV of labels or CSV of boxes."""
    line = first_line(path)
    if path.suffix.lower() == ".json":
        item = first_item(path)
        return isinstance(item, dict) and set(item) == _KEYS
    return bool(_LINE.fullmatch(line)) or line == ",".join(_BOXES)


def read(path: Path) -> SourceContents:
    """Read an export of makesense.

    Raises:
        FacelabelError: it names the place that cannot be read.
    """
    contents = SourceContents()
    if path.suffix.lower() == ".json":
        lists = _from_json(path)
    elif first_line(path) == ",".join(_BOXES):
        lists = _from_boxes(path, contents)
    else:
        lists = _from_csv(path)
    labels: dict[str, dict[SourceAnswer, None]] = {}
    for name, texts in lists:
        labels.setdefault(name, {}).update(dict.fromkeys(_answer(name, text) for text in texts))
    contents.images = [SourceImage(name) for name in labels]
    contents.answers = [answer for answers in labels.values() for answer in answers]
    return contents


def write(folder: Path, export: Export) -> Losses:
    """Write labels.json: every image, with its labels as `attribute=value`."""
    with (folder / "labels.json").open("w", encoding="utf-8", newline="\n") as file:
        file.write("[")
        for position, (name, labels) in enumerate(_labels(export)):
            item = {"image": name, "annotations": labels}
            file.write(",\n" if position else "\n")
            file.write(json.dumps(item, ensure_ascii=False))
        file.write("\n]\n")
    return Losses()


def write_csv(folder: Path, export: Export) -> Losses:
    """Write labels.csv, which has no escapes.

    Raises:
        FacelabelError: if an image name or a label would be read back as another one.
    """
    losses = Losses()
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        for name, labels in _labels(export):
            if not labels:
                losses.add("images without a label, which makesense leaves out", name)
                continue
            if any(mark in name for mark in (',"[', "\n", "\r")) or name.startswith("\ufeff"):
                raise cannot_say("makesense's CSV", f"the image name {name!r} would read back as another one")
            for label in labels:
                if any(mark in label for mark in ",\n\r"):
                    raise cannot_say(
                        "makesense's CSV",
                        f"the label {label!r} of {name!r} has a comma or a line break, which it cannot escape",
                    )
            file.write(f'{name},"[{",".join(labels)}]"\n')
    return losses


def _labels(export: Export) -> Iterator[tuple[str, list[str]]]:
    names, columns = export.names(), export.columns()
    for image in export.images:
        yield image.name, [f"{c}={names[c, image.labels[c]]}" for c in columns if c in image.labels]


def _answer(name: str, label: str) -> SourceAnswer:
    ours = _OURS.fullmatch(label)
    attribute, value = ours.groups() if ours else ("", label)
    return SourceAnswer(name, attribute, None if value == CANNOT_TELL_NAME else value)


def _from_json(path: Path) -> Iterator[tuple[str, list[str]]]:
    for number, item in read_json_items(path):
        where = f"item {number}"
        if not isinstance(item, dict) or set(item) != _KEYS or not isinstance(item["annotations"], list):
            refuse(path, 'it is not {"image": "…", "annotations": ["…", …]}', where)
        labels = [plain_text(path, where, label, "a label") for label in item["annotations"]]
        yield image_name(path, where, item["image"]), labels


def _from_csv(path: Path) -> Iterator[tuple[str, list[str]]]:
    for where, line in read_lines(path):
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            refuse(path, f'{line[:60]!r} is not of the form image.jpg,"[label,label]"', where)
        name, labels = match.groups()
        texts = [plain_text(path, where, label, "a label") for label in labels.split(",") if label]
        yield image_name(path, where, name), texts


def _from_boxes(path: Path, contents: SourceContents) -> Iterator[tuple[str, list[str]]]:
    boxes = 0
    for where, cells in read_csv_rows(path):
        if cells == list(_BOXES):
            continue
        if len(cells) != len(_BOXES):
            refuse(path, f"{len(cells)} cells instead of {len(_BOXES)}", where)
        boxes += 1
        yield image_name(path, where, cells[5]), [plain_text(path, where, cells[0], "the label")]
    contents.notes.append(
        f"{counted(boxes, 'box was read as a label', 'boxes were read as labels')} of the whole image."
    )
