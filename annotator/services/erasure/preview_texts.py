"""What an erasure would remove, in whole sentences: the command and the pages say the same."""

from __future__ import annotations

from typing import Any

from annotator.domain.plurals import counted

_ROWS = {"annotations": ("answer", "answers"), "faces": ("face", "faces"), "flags": ("flag", "flags")}


def preview_texts(preview: dict[str, Any], *, with_copies: bool = False) -> list[str]:
    """Say what goes, what stays and what else holds it.

    Args:
        preview: of `journal.preview_erasure`.
        with_copies: the snapshots and exports go too.
    """
    texts = []
    if preview["people"]:
        texts.append(
            "The name of the person goes: from the list of people, their history, reports and rounds."
        )
    if preview["what"] == "name":
        kept = counted(preview["faces"], "image keeps its label", "images keep their labels")
        if preview["faces"]:
            texts.append(f"{kept}, under a number instead of the name. The descriptors of the faces go.")
    elif preview["images"]:
        texts.append(_images_text(preview))
    if preview["photos"]:
        goes = counted(preview["photos"], "photo", "photos")
        texts.append(f"{goes} that only these images were cut from {_go(preview['photos'])} too.")
    if preview["shared_photos"]:
        stay = counted(preview["shared_photos"], "photo stays", "photos stay")
        texts.append(f"{stay}, because other images were cut from it: they still show what was cut out.")
    if preview["rounds_that_start_anew"] and preview["images"]:
        texts.append("The round that is running or waiting starts anew.")
    copies = [
        copy for copy in preview["copies"] if not (with_copies and copy["kind"] not in {"upload", "backup"})
    ]
    if len(copies) < len(preview["copies"]):
        gone = counted(len(preview["copies"]) - len(copies), "snapshot or export", "snapshots and exports")
        texts.append(f"{gone} that {'holds' if gone.startswith('1 ') else 'hold'} it go too.")
    return texts + copy_texts(copies)


def copy_texts(copies: list[dict[str, Any]]) -> list[str]:
    """Name the folders that still hold it, and the commands that delete them."""
    return [
        f"The {copy['kind']} {copy['path']} {'holds' if copy['certain'] else 'may hold'} it and stays. To delete it: "
        f"{copy['command']}"
        for copy in copies
    ]


def _images_text(preview: dict[str, Any]) -> str:
    shown, count = preview["first_images"], preview["images"]
    names = ", ".join(shown) + (f" and {count - len(shown)} more" if count > len(shown) else "")
    rows = [
        counted(preview["rows"][table], *words) for table, words in _ROWS.items() if table in preview["rows"]
    ]
    with_rows = (
        f" with {' and '.join([', '.join(rows[:-1]), rows[-1]] if len(rows) > 1 else rows)}" if rows else ""
    )
    rest = (
        "Its files, views and features, its rows in rounds and its name in reports go with it."
        if count == 1
        else "Their files, views and features, their rows in rounds and their names in reports go with them."
    )
    return f"{counted(count, 'image goes', 'images go')}{with_rows}: {names}. {rest}"


def _go(count: int) -> str:
    return "goes" if count == 1 else "go"
