"""Only the stores know where the files of images, photos and views lie."""

from __future__ import annotations

import re
from pathlib import Path

import annotator

_FOLDERS = re.compile(r"""/ ["'](images|photos|views)["']|\.path\}?/(images|photos|views)\b""")
_ALLOWED = {
    "store/folder.py",
    "services/backups/restore.py",  # the folder that a backup is unpacked into
    "formats/snapshot/writer.py",  # the images/ of a snapshot
}


def test_only_the_stores_know_the_folders_of_the_images():
    root = Path(annotator.__file__).parent
    knowing = {
        file.relative_to(root).as_posix()
        for file in root.rglob("*.py")
        if _FOLDERS.search(file.read_text(encoding="utf-8"))
    }
    assert knowing - {name for name in knowing if name.startswith("formats/")} <= _ALLOWED
