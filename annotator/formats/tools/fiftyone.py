"""FiftyOne: labels.json of image classification and detection data sets, and samples.json of FiftyOneDataset.

`{"classes": [...], "labels": {"name of the image without its ending": class}}` has flat labels; a class is its number in
`classes`, its name, an object with a label, a list of these, or null. In `{"samples": [...]}` each field of a sample answers
the attribute of its name.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from annotator.domain.plurals import counted
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage
from annotator.formats.importers.folder_files import take_rest
from annotator.formats.importers.json_members import read_json_members, sample_members
from annotator.formats.importers.safe_readers import plain_text, refuse
from annotator.formats.importers.tool_values import answer, find_by_stem, find_image, referenced_name

_FILES = ("samples.json", "labels.json")
_KEYS = {"classes", "labels"}
_OWN_FIELDS = frozenset(
    {"id", "filepath", "tags", "metadata", "created_at", "last_modified_at", "media_type", "dataset_id"}
)
_LISTS = {"Classifications": "classifications", "Detections": "detections"}

_LABEL_FIELDS = {
    "id",
    "label",
    "tags",
    "attributes",
    "mask_path",
    "map_path",
    "closed",
    "filled",
    "text",
    "text_content",
}
"""Fields of FiftyOne's own in a label whose values are texts or yes and no."""


_BOXES = ("box was read as a label of the whole image", "boxes were read as labels of the whole image")
_NO_CLASS = (
    "label has a number that is no class, and was ignored",
    "labels have a number that is no class, and were ignored",
)


def recognise(path: Path) -> bool:
    """Return whether the path is such a JSON file, or a folder with one beside `data/`."""
    return _file(path) is not None


def read(path: Path) -> SourceContents:
    """Read a file, or the file of a folder and the images below it.

    Raises:
        FacelabelError: it names the part that cannot be read.
    """
    file = _file(path)
    if file is None:
        refuse(path, "it is not a JSON file of FiftyOne, and has none beside a folder data")
    contents = SourceContents()
    root = path if path.is_dir() else None
    if _has_samples(file):
        _read_samples(file, root, contents)
    else:
        _read_labels(file, root, contents)
    contents.answers = list(dict.fromkeys(contents.answers))
    if root is not None:
        own = [file, root / "metadata.json"]
        take_rest(
            contents, root, own, lambda rest: rest.relative_to(path).as_posix(), f"are not in {file.name}"
        )
    return contents


def _file(path: Path) -> Path | None:
    if not path.is_dir():
        is_json = path.suffix.lower() == ".json" and path.is_file()
        return path if is_json and (_has_labels(path) or _has_samples(path)) else None
    files = (path / name for name in _FILES if (path / "data").is_dir())
    return next((file for file in files if _file(file) is not None), None)


def _has_labels(path: Path) -> bool:
    """Whether it has classes and labels by image and nothing else."""
    members = sample_members(path)
    return {key for key, _, _ in members} <= _KEYS and any(
        key == "labels" and name for key, name, _ in members
    )


def _has_samples(path: Path) -> bool:
    return any(
        key == "samples" and member is None and isinstance(item, dict) and "filepath" in item
        for key, member, item in sample_members(path)
    )


def _read_labels(path: Path, root: Path | None, contents: SourceContents) -> None:
    classes: list[str] = []
    targets: list[tuple[str, object]] = []
    for key, member, item in read_json_members(path):
        if key == "classes" and member is None:
            classes.append(plain_text(path, f"class {len(classes)}", item, "its name"))
        elif key == "labels" and member is not None:
            targets.append((member, item))
    told: Counter[tuple[str, str]] = Counter()
    for stem, target in targets:
        where = f"labels: {stem[:60]}"
        name = referenced_name(path, where, stem)
        image = (root and find_by_stem(root, root / "data", name)) or SourceImage(name)
        contents.images.append(image)
        for one in target if isinstance(target, list) else [target]:
            contents.answers += _of_target(path, where, image.name, one, classes, told)
    contents.notes += [f"{counted(count, *what)}." for what, count in told.items() if count]


def _of_target(
    path: Path, where: str, image: str, target: object, classes: list[str], told: Counter[tuple[str, str]]
) -> list[SourceAnswer]:
    """The answers of one class of an image; a class that is a number is looked up."""
    extra: dict[str, Any] = {}
    if isinstance(target, dict):
        told[_BOXES] += "bounding_box" in target
        extra = target["attributes"] if isinstance(target.get("attributes"), dict) else {}
        target = target.get("label")
    if isinstance(target, int) and not isinstance(target, bool):
        if not 0 <= target < len(classes):
            told[_NO_CLASS] += 1
            target = None
        else:
            target = classes[target]
    given = [answer(path, where, image, "", target)]
    for name, value in extra.items():
        held = value.get("value") if isinstance(value, dict) else value
        given.append(answer(path, where, image, name, held))
    return [one for one in given if one is not None]


def _read_samples(path: Path, root: Path | None, contents: SourceContents) -> None:
    told: Counter[tuple[str, str]] = Counter()
    samples = (item for key, member, item in read_json_members(path) if key == "samples" and member is None)
    for number, sample in enumerate(samples, start=1):
        where = f"sample {number}"
        if not isinstance(sample, dict):
            refuse(path, "it is not an object", where)
        name = referenced_name(path, where, sample.get("filepath"))
        image = SourceImage(name) if root is None else find_image(root, [root, root / "data"], name)
        contents.images.append(image)
        for field, value in sample.items():
            if field in _OWN_FIELDS or field.startswith("_") or value is None:
                continue
            answers = [answer(path, where, image.name, field, label) for label in _labels(value, told)]
            answers += [answer(path, where, image.name, name, held) for name, held in _nested(value)]
            contents.answers += [one for one in answers if one is not None]
            if not any(answers) and value != "" and not _is_empty(value):
                name = repr(field[:60])
                told[
                    f"value of the field {name} is no label and was ignored",
                    f"values of the field {name} are no labels and were ignored",
                ] += 1
    contents.notes += [f"{counted(count, *what)}." for what, count in told.items() if count]


def _labels(value: object, told: Counter[tuple[str, str]]) -> list[object]:
    """The labels that a field of a sample holds."""
    if not isinstance(value, dict):
        return [value]
    kind = str(value.get("_cls"))
    inner = value.get(_LISTS[kind]) if kind in _LISTS else [value]
    found = [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []
    told[_BOXES] += sum("bounding_box" in one for one in found)
    return [one.get("label") for one in found]


def _nested(value: object) -> list[tuple[str, object]]:
    """The attributes of the labels in a field of a sample, such as those of a box of a face."""
    if not isinstance(value, dict):
        return []
    inner = value.get(_LISTS.get(str(value.get("_cls")), ""), [value])
    nested: list[tuple[str, object]] = []
    for label in inner if isinstance(inner, list) else []:
        if not isinstance(label, dict) or "label" not in label:
            continue
        attributes = label.get("attributes")
        for name, held in (attributes if isinstance(attributes, dict) else {}).items():
            nested.append((name, held.get("value") if isinstance(held, dict) else held))
        nested += [
            (name, held)
            for name, held in label.items()
            if name not in _LABEL_FIELDS and not name.startswith("_") and isinstance(held, str | bool)
        ]
    return nested


def _is_empty(value: object) -> bool:
    return isinstance(value, dict) and any(value.get(name) == [] for name in _LISTS.values())
