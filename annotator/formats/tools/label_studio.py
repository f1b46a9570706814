"""Label Studio: reads its JSON, JSON_MIN and CSV (or TSV) exports, writes its JSON.

An answer is a `choices`, `textarea`, `rating` or `number` result; `from_name` is the attribute. Predictions, drafts and
cancelled (skipped) annotations are ignored. An image keeps the reference that the export has for it, such as
`/data/upload/1/c2c0fb30-asoebi_9.jpg` or a URL: the import finds the image that it means. Our own files also hold the exact name
in `data.image_name`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import quoteattr

from annotator.domain.plurals import counted
from annotator.domain.schema import CANNOT_TELL_NAME
from annotator.formats.exporters.base import Export, Losses, cannot_say, safe_name
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage
from annotator.formats.importers.safe_readers import (
    first_item,
    first_line,
    image_name,
    plain_text,
    read_csv_records,
    read_json_items,
    refuse,
)

_OWN_COLUMNS = {
    "annotation_id", "annotator", "created_at", "updated_at", "id", "lead_time", "agreement",
}  # fmt: skip
"""The columns of JSON_MIN and CSV that are neither data nor answers."""

_MARKS = {"annotation_id", "lead_time"}
_VALUE_KEYS = {"choices": "choices", "textarea": "text", "rating": "rating", "number": "number"}
"""The kinds of results that are answers, and where their value is."""

_LOCAL = "/data/local-files/"
_IMAGE_KEYS = ("image", "img", "picture", "photo", "file", "url")
_IMAGE_ENDING = re.compile(r"\.(jpe?g|png|webp|bmp|tiff?|gif)$", re.IGNORECASE)


_PART = (
    "answer is about a part of an image and was read as an answer about the whole image",
    "answers are about a part of an image and were read as answers about the whole image",
)


def recognise(path: Path) -> bool:
    """Return whether a file is an export of Label Studio."""
    if path.suffix.lower() == ".json":
        item = first_item(path)
        return isinstance(item, dict) and (
            ("data" in item and ("annotations" in item or "predictions" in item)) or item.keys() >= _MARKS
        )
    line = first_line(path)
    return {cell.strip('"') for cell in line.split(_delimiter(line))} >= _MARKS


def read(path: Path) -> SourceContents:
    """Read an export of any of the three kinds.

    Raises:
        FacelabelError: it names the task that cannot be read.
    """
    contents = SourceContents()
    images: dict[str, SourceImage] = {}
    told: Counter[tuple[str, str]] = Counter()
    for where, item in _items(path):
        if "data" in item:
            _read_task(path, where, item, images, contents, told)
        else:
            _read_flat(path, where, item, images, contents)
    contents.images = list(images.values())
    contents.answers = list(dict.fromkeys(contents.answers))
    contents.notes += [f"{counted(count, *what)}." for what, count in told.items()] + _notes_on_several(
        contents
    )
    return contents


def write(folder: Path, export: Export) -> Losses:
    """Write tasks.json, which Label Studio imports, and config.xml, its labelling interface.

    Label Studio reads the images from `images/` below its local-files root. A label that a model filled is a prediction there,
    with its probability as the score, and no annotation.

    Raises:
        FacelabelError: if an image name or a value's name cannot be written.
    """
    names, columns = export.names(), export.columns()
    kinds = {attribute.name: attribute.kind for attribute in export.schema.attributes}
    for attribute, name in ((a.name, v.name) for a in export.schema.attributes for v in a.values):
        _check_xml(name, attribute)
    (folder / "config.xml").write_text(_config(export), encoding="utf-8")
    with (folder / "tasks.json").open("w", encoding="utf-8", newline="\n") as file:
        file.write("[")
        for number, image in enumerate(export.images, 1):
            safe_name("Label Studio's local storage", image.name)
            results = {
                c: _result(c, kinds[c], names[c, image.labels[c]]) for c in columns if c in image.labels
            }
            answers = [result for column, result in results.items() if column not in image.filled]
            predictions = [
                {"result": [results[column]], "score": round(score, 6)}
                for column, score in image.filled.items()
            ]
            reference = f"{_LOCAL}?d={quote('images/' + image.name, safe='/')}"
            task = {
                "id": number,
                "data": {"image": reference, "image_name": image.name},
                "annotations": [{"result": answers, "was_cancelled": False}] if answers else [],
                "predictions": predictions,
            }
            file.write((",\n" if number > 1 else "\n") + json.dumps(task, ensure_ascii=False))
            export.put_image(image, folder / "images" / image.name)
        file.write("\n]\n")
    return Losses()


def _items(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if path.suffix.lower() == ".json":
        for number, item in read_json_items(path):
            if not isinstance(item, dict):
                refuse(path, "it is not an object", f"task {number}")
            yield f"task {number}", item
        return
    yield from read_csv_records(path, sorted(_MARKS), _delimiter(first_line(path)))


def _delimiter(line: str) -> str:
    return "\t" if line.count("\t") > line.count(",") else ","


def _read_task(
    path: Path,
    where: str,
    task: dict[str, Any],
    images: dict[str, SourceImage],
    contents: SourceContents,
    told: Counter[tuple[str, str]],
) -> None:
    """Read a task of the full JSON; `told` counts what the user should know about its results."""
    data = task["data"]
    if not isinstance(data, dict):
        refuse(path, "its data is not an object", where)
    image = _image(path, where, data)
    if image is None:
        contents.refused.append((where, "its data names no image"))
        return
    images.setdefault(image.name, image)
    for annotation in _list_of_objects(path, where, task.get("annotations", []), "annotations"):
        if annotation.get("was_cancelled"):
            continue
        labeller = _labeller(path, where, annotation.get("completed_by"))
        for result in _list_of_objects(path, where, annotation.get("result", []), "result"):
            kind, value = result.get("type"), result.get("value")
            texts = value.get(_VALUE_KEYS.get(str(kind), "")) if isinstance(value, dict) else None
            if texts is None:
                contents.refused.append(
                    (f"{where}: {image.name}", f"a result of the type {str(kind)[:40]!r}")
                )
                continue
            if isinstance(value, dict) and "x" in value:
                told[_PART] += 1
            attribute = plain_text(path, where, result.get("from_name"), "from_name")
            _add(path, where, contents, image.name, attribute, texts, labeller)


def _read_flat(
    path: Path, where: str, row: dict[str, Any], images: dict[str, SourceImage], contents: SourceContents
) -> None:
    """Read a task of JSON_MIN or a row of the CSV, which mix data and answers."""
    image = _image(path, where, row)
    if image is None:
        contents.refused.append((where, "it names no image"))
        return
    images.setdefault(image.name, image)
    labeller = _labeller(path, where, row.get("annotator"))
    for key, cell in row.items():
        value = cell
        if key in _OWN_COLUMNS or key in {_image_key(row), "image_name"} or value in ("", None):
            continue
        if isinstance(value, str) and value.startswith('{"choices"'):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                refuse(path, f"{key} holds choices that are not valid JSON", where)
        if isinstance(value, dict):
            value = value.get("choices", value.get("text"))
        if value is None or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value)):
            contents.refused.append((f"{where}: {image.name}", f"{key[:60]!r} holds no choices and no text"))
            continue
        _add(path, where, contents, image.name, plain_text(path, where, key, "a column"), value, labeller)


def _add(
    path: Path, where: str, contents: SourceContents, image: str, attribute: str, texts: object, labeller: str
) -> None:
    for answer in texts if isinstance(texts, list) else [texts]:
        text = plain_text(path, where, answer, f"an answer to {attribute}")
        if text:
            value = None if text == CANNOT_TELL_NAME else text
            contents.answers.append(SourceAnswer(image, attribute, value, labeller))


def _notes_on_several(contents: SourceContents) -> list[str]:
    """What the user should know about cells with several values, which are more than an attribute can have."""
    values: dict[tuple[str, str, str], list[str]] = {}
    for answer in contents.answers:
        cell = answer.image, answer.attribute, answer.labeller
        values.setdefault(cell, []).append(CANNOT_TELL_NAME if answer.value is None else answer.value)
    several = {cell: texts for cell, texts in values.items() if len(texts) > 1}
    if not several:
        return []
    (image, attribute, _), texts = next(iter(several.items()))
    example = f"{attribute}: {', '.join(texts)[:200]} for {image[:200]}"
    rest = "Where the values differ here too, the cell stays unlabelled, because an attribute has one value."
    return [
        f"{counted(len(several), 'answer chooses', 'answers choose')} several values at once, such as {example}. {rest}"
    ]


def _list_of_objects(path: Path, where: str, value: object, what: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        refuse(path, f"its {what} are not a list of objects", where)
    return value


def _labeller(path: Path, where: str, value: object) -> str:
    """The labeller: a number, an address, or an object with either."""
    if isinstance(value, dict):
        value = value.get("email") or value.get("id")
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    return plain_text(path, where, value, "who answered")[:200]


def _image_key(data: dict[str, Any]) -> str | None:
    texts = [key for key, value in data.items() if isinstance(value, str)]
    usual = next((key for key in _IMAGE_KEYS if key in texts), None)
    return usual or next((k for k in texts if _IMAGE_ENDING.search(_path_of(data[k]))), None)


def _image(path: Path, where: str, data: dict[str, Any]) -> SourceImage | None:
    if "image_name" in data:
        return SourceImage(image_name(path, where, data["image_name"]))
    key = _image_key(data)
    if key is None:
        return None
    reference = plain_text(path, where, data[key], "the image")
    if reference.startswith("data:"):
        return None
    return SourceImage(reference)


def _path_of(reference: str) -> str:
    """The path of a URL; any other text as it is."""
    if "://" not in reference:
        return reference
    try:
        return urlsplit(reference).path
    except ValueError:  # such as "http://[": not a URL after all
        return reference


def _result(attribute: str, kind: str, name: str) -> dict[str, Any]:
    if kind == "open":
        return {"from_name": attribute, "to_name": "image", "type": "textarea", "value": {"text": [name]}}
    return {"from_name": attribute, "to_name": "image", "type": "choices", "value": {"choices": [name]}}


def _check_xml(name: str, attribute: str) -> None:
    if any(ord(character) < 32 and character not in "\t\n\r" for character in name):
        raise cannot_say(
            "Label Studio's config.xml", f"the value {name!r} of {attribute} has a control character"
        )


def _config(export: Export) -> str:
    lines = ["<View>", '  <Image name="image" value="$image"/>']
    for attribute in export.schema.attributes:
        lines.append(f"  <Header value={quoteattr(attribute.title)}/>")
        if attribute.kind == "open":
            lines.append(f'  <TextArea name="{attribute.name}" toName="image" maxSubmissions="1"/>')
            continue
        values = [value.name for value in attribute.values if value.status == "active"] + [CANNOT_TELL_NAME]
        choices = "".join(f"<Choice value={quoteattr(value)}/>" for value in values)
        lines.append(f'  <Choices name="{attribute.name}" toName="image" choice="single">{choices}</Choices>')
    return "\n".join([*lines, "</View>", ""])
