"""COCO: a JSON with images, categories and annotations, as Roboflow, CVAT, FiftyOne and the COCO data set write it.

The category of an annotation is a flat label of its image. If the categories have several supercategories, the label is
`supercategory: category`, because the supercategories are then the attributes. The `attributes` of an annotation or an
image answer the attributes of these names. Boxes and outlines are read as labels of the whole image.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotator.domain.plurals import counted
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage
from annotator.formats.importers.folder_files import take_rest
from annotator.formats.importers.json_members import read_json_members, sample_members
from annotator.formats.importers.safe_readers import plain_text, refuse
from annotator.formats.importers.tool_values import answer, find_image, referenced_name

_PLACES = (
    "_annotations.coco.json",
    "*/_annotations.coco.json",
    "annotations/*.json",
    "annotations.json",
    "labels.json",
)
_IMAGE_FOLDERS = ("images", "data")
_NO_SUPERCATEGORY = {"", "none", "null"}
_OF_SHAPES = frozenset({"occluded", "rotation", "track_id", "keyframe"})
"""Attributes that CVAT writes about a shape, which say nothing about the face."""

Id = int | str


def recognise(path: Path) -> bool:
    """Return whether the path is a JSON file of COCO, or a folder with one at its usual places."""
    return bool(_files(path))


def read(path: Path) -> SourceContents:
    """Read a file, or all files of a folder and the images below it.

    Raises:
        FacelabelError: it names the part that cannot be read.
    """
    files = _files(path)
    if not files:
        refuse(path, "it is not a JSON file of COCO, and has none")
    contents = SourceContents()
    for file in files:
        _File(file, path if path.is_dir() else None).add_to(contents)
    if path.is_dir():
        take_rest(
            contents, path, files, lambda rest: rest.relative_to(path).as_posix(), "are in no file of COCO"
        )
    return contents


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.suffix.lower() == ".json" and _is_coco(path) else []
    return [
        file for place in _PLACES for file in sorted(path.glob(place)) if file.is_file() and _is_coco(file)
    ]


def _is_coco(path: Path) -> bool:
    """Whether it begins with images, or with annotations of images."""
    for key, member, item in sample_members(path):
        if member is None and isinstance(item, dict) and (
            (key == "images" and item.keys() >= {"id", "file_name"}) or (key == "annotations" and "image_id" in item)
        ):  # fmt: skip
            return True
    return False


@dataclass
class _File:
    """One file of COCO. Its parts may come in any order, so labels are kept by ids until all are read."""

    path: Path
    root: Path | None
    images: dict[Id, SourceImage] = field(default_factory=dict)
    categories: dict[Id, tuple[str, str]] = field(default_factory=dict)
    labels: dict[tuple[Id, Id], int] = field(default_factory=dict)
    answers: list[tuple[Id, SourceAnswer]] = field(default_factory=list)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add_to(self, contents: SourceContents) -> None:
        """Read the file and add its images, its answers, and notes on what was not read."""
        readers = {
            "images": self._read_image,
            "categories": self._read_category,
            "annotations": self._read_annotation,
        }
        numbers: Counter[str] = Counter()
        for key, member, item in read_json_members(self.path):
            if key in readers and member is None:
                numbers[key] += 1
                where = f"{key} {numbers[key]}"
                if not isinstance(item, dict):
                    refuse(self.path, "it is not an object", where)
                readers[key](where, item)
        contents.images += list(self.images.values())
        contents.answers += dict.fromkeys([*self._of_categories(), *self._of_attributes()])
        contents.notes += [
            f"{self.path.name}: {counted(count, *what)}." for what, count in self.told.items() if count
        ]

    def _read_image(self, where: str, item: dict[str, Any]) -> None:
        name = referenced_name(self.path, where, item.get("file_name"))
        number = self._id(where, item.get("id"))
        image = SourceImage(name) if self.root is None else find_image(self.root, self._folders(), name)
        if self.images.setdefault(number, image) != image:
            refuse(self.path, f"it has the id {number} of {self.images[number].name}, another image", where)
        self._read_attributes(where, number, item)

    def _folders(self) -> list[Path]:
        """Where images may be: beside the file, in the folder, or in a folder named like the file's split."""
        assert self.root is not None
        split = self.path.stem.rpartition("_")[2]
        return [
            self.path.parent,
            self.root,
            *(self.root / name for name in (*_IMAGE_FOLDERS, split, f"images/{split}")),
        ]

    def _read_category(self, where: str, item: dict[str, Any]) -> None:
        name = plain_text(self.path, where, item.get("name"), "the category's name")
        above = item.get("supercategory")
        above = plain_text(self.path, where, above, "the supercategory") if isinstance(above, str) else ""
        number = self._id(where, item.get("id"))
        if self.categories.setdefault(number, (name, above)) != (name, above):
            refuse(
                self.path, f"it has the id {number} of {self.categories[number][0]}, another category", where
            )

    def _read_annotation(self, where: str, item: dict[str, Any]) -> None:
        image = self._id(where, item.get("image_id"))
        category = item.get("category_id")
        if isinstance(category, int | str):
            key = image, category
            self.labels[key] = self.labels.get(key, 0) + 1
        elif category is not None or "attributes" not in item:
            self.told[
                "annotation has no category and was ignored", "annotations have no category and were ignored"
            ] += 1
        self.told[
            "box or outline was read as a label of the whole image",
            "boxes and outlines were read as labels of the whole image",
        ] += bool(item.get("bbox") or item.get("segmentation"))
        self._read_attributes(where, image, item)

    def _read_attributes(self, where: str, image: Id, item: dict[str, Any]) -> None:
        attributes = item.get("attributes")
        for name, value in attributes.items() if isinstance(attributes, dict) else ():
            if name in _OF_SHAPES or value is None:
                continue
            one = answer(self.path, where, "", name, value)
            if one is not None:
                self.answers.append((image, one))
            elif value != "":
                self.told[
                    f"attribute {name[:60]!r} holds no single value and was ignored",
                    f"attributes {name[:60]!r} hold no single value and were ignored",
                ] += 1

    def _of_categories(self) -> list[SourceAnswer]:
        supercategories = {
            above for _, above in self.categories.values() if above.lower() not in _NO_SUPERCATEGORY
        }
        answers = []
        for (image, category), count in self.labels.items():
            if image not in self.images or category not in self.categories:
                self.told[
                    "annotation names an image or a category that the file does not have, and was ignored",
                    "annotations name an image or a category that the file does not have, and were ignored",
                ] += count
                continue
            name, above = self.categories[category]
            is_attribute = len(supercategories) > 1 and above in supercategories and above != name
            answers.append(
                SourceAnswer(self.images[image].name, "", f"{above}: {name}" if is_attribute else name)
            )
        return answers

    def _of_attributes(self) -> list[SourceAnswer]:
        answers = []
        for image, one in self.answers:
            if image in self.images:
                answers.append(SourceAnswer(self.images[image].name, one.attribute, one.value))
            else:
                self.told[
                    "attribute belongs to an image that the file does not have, and was ignored",
                    "attributes belong to an image that the file does not have, and were ignored",
                ] += 1
        return answers

    def _id(self, where: str, value: object) -> Id:
        if not isinstance(value, int | str):
            refuse(self.path, "its id is neither a number nor a text", where)
        return value
