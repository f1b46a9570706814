"""The inspection of an upload, kept as JSON beside the file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from annotator.files import write_atomically
from annotator.formats.importers.base import VideoLength
from annotator.formats.importers.summary import SourceSummary

FILE = ".inspection.json"
"""The name of the file; names of uploads do not begin with a dot."""


@dataclass(frozen=True)
class ShownImage:
    """The image of an example.

    Args:
        name: its name in the source.
        sha256: of the project's image; None if it comes with the source.
        jpeg: a small copy of an image that comes with the source, in Base64.
    """

    name: str
    sha256: str | None = None
    jpeg: str | None = None


@dataclass(frozen=True)
class Inspection:
    """What is known of an upload.

    Args:
        summary: its labels.
        images: the images of at most five of the summary's examples.
        video: the length of a video.
    """

    summary: SourceSummary = field(default_factory=SourceSummary)
    images: tuple[ShownImage, ...] = ()
    video: VideoLength | None = None


def keep_inspection(folder: Path, inspection: Inspection) -> None:
    """Write an inspection into the folder of an upload.

    Raises:
        FacelabelError: if it cannot be written.
    """
    content = json.dumps(asdict(inspection), ensure_ascii=False)
    write_atomically(folder / FILE, content.encode(errors="backslashreplace"))


def read_inspection(folder: Path) -> Inspection:
    """Return the inspection in the folder of an upload; an empty one if there is none."""
    try:
        values = json.loads((folder / FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Inspection()
    return Inspection(
        SourceSummary.of_dict(values["summary"]),
        tuple(ShownImage(**image) for image in values["images"]),
        VideoLength(**values["video"]) if values["video"] else None,
    )
