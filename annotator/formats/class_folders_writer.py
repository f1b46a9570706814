"""Class folders, as torchvision's ImageFolder reads them: a tree per attribute, `glasses/sunglasses/0001.jpg`.

The image files are hard links where the file system allows it. ImageFolder numbers the classes by the alphabet, so its
numbers are not our codes, and an added class moves them.
"""

from __future__ import annotations

from pathlib import Path

from annotator.formats.export import Export, Losses, cannot_say, safe_name

_LONGEST = 255  # bytes of a file's name on Linux and macOS


def write(folder: Path, export: Export) -> Losses:
    """Write one tree per attribute.

    Raises:
        FacelabelError: if a value's name cannot be the name of a folder.
    """
    losses = Losses()
    names, columns = export.names(), export.columns()
    for image in export.images:
        safe_name("A class folder", image.name)
        for column in columns:
            if column not in image.labels:
                losses.add(f"images without a label of {column}", image.name)
            elif image.labels[column] is None:
                losses.add(f"can't tell of {column}, which is no class", image.name)
            else:
                value = names[column, image.labels[column]]
                _check(column, value)
                export.put_image(image, folder / column / value / image.name, always=True)
    return losses


def _check(attribute: str, value: str) -> None:
    if "/" in value or "\0" in value or value.startswith(".") or len(value.encode()) > _LONGEST:
        raise cannot_say(
            "A class folder", f"the value {value!r} of {attribute} cannot be the name of a folder"
        )
