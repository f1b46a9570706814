"""Videos: frames by timestamp, decoded in a separate process, so that a hostile file can neither hang nor kill an import."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotator.errors import FacelabelError
from annotator.files import cannot_write
from annotator.formats.importers.base import SourceContents, SourceImage, VideoLength
from annotator.formats.importers.frame_request import FrameRequest
from annotator.formats.importers.ignored_files import VIDEO_ENDINGS
from annotator.imaging.decoder_pool import decoding_context
from annotator.imaging.image_kinds import MAX_PIXELS

STALL_SECONDS = 8
"""Seconds without a frame after which a decoder is killed."""

_START_SECONDS = 120  # for starting the process, before it opens the file


@dataclass(frozen=True)
class VideoOptions:
    """Which frames of a video become images.

    Args:
        fps: frames per second of the video's time.
        turn: degrees by which every frame is turned clockwise; None: as the file's orientation says.
        drop_blurred: leave out frames without sharp edges.
        drop_similar: leave out frames that look like the previous image.
        max_pixels: videos with larger frames are refused.
    """

    fps: float = 1.0
    turn: int | None = None
    drop_blurred: bool = False
    drop_similar: bool = False
    max_pixels: int = MAX_PIXELS


def recognise(path: Path) -> bool:
    """Return whether a file is named like a video."""
    return path.suffix.lower() in VIDEO_ENDINGS and not path.is_dir()


def read(
    path: Path, scratch: Path, options: VideoOptions, check_stop: Callable[[], None] = lambda: None
) -> SourceContents:
    """Decode a video's frames into a new folder in `scratch`; each is named <video>/<seconds>.jpg, and all form one group.

    `check_stop` is called between two frames; what it raises ends the decoding.

    Raises:
        FacelabelError: if no frame can be decoded, or the disk is full.
    """
    if not _looks_like_video(path):
        raise _bad(path, "it is not a video that can be read (MP4, MOV, MKV, WebM, AVI, MPEG)")
    folder = scratch / "frames"
    folder.mkdir()
    request = FrameRequest(
        options.fps, options.turn, options.drop_blurred, options.drop_similar, options.max_pixels
    )
    frames, length, note = _decode(path, folder, request, check_stop)
    if not frames:
        raise _bad(path, note or "it holds no frame that can be decoded")
    with path.open("rb") as file:
        group = f"video:{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    contents = SourceContents(
        images=[
            SourceImage(f"{path.name}/{name}", folder / name, original_path=path.name, group=group)
            for name in frames
        ],
        video=length,
    )
    if note:
        contents.refused.append((path.name, note))
    return contents


def _decode(
    path: Path, folder: Path, request: FrameRequest, check_stop: Callable[[], None]
) -> tuple[list[str], VideoLength | None, str]:
    """The names of the frames that were written, the video's length if it was decoded to its end, and "" or what went wrong."""
    # Imported here, because the web process imports this module and must not load OpenCV.
    from annotator.formats.importers.video_frames import decode_frames  # noqa: PLC0415

    context = decoding_context(decode_frames.__module__)
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(
        target=decode_frames, args=(path.resolve(), folder, request, sending), daemon=True
    )
    process.start()
    sending.close()
    frames: list[str] = []
    length: VideoLength | None = None
    limit = _START_SECONDS
    try:
        while True:
            if not receiving.poll(limit):
                return frames, length, f"its decoder gave no frame for {STALL_SECONDS} seconds and was killed"
            message: tuple[str, Any] = receiving.recv()
            check_stop()
            limit = STALL_SECONDS
            if message[0] == "frame":
                frames.append(message[1])
            elif message[0] == "length":
                length = VideoLength(*message[1])
            elif message[0] == "disk":
                raise cannot_write(folder, message[1])
            elif message[0] == "end":
                return frames, length, message[1]
    except EOFError:
        return frames, length, "its decoder died"
    finally:
        process.kill()
        process.join()


def _looks_like_video(path: Path) -> bool:
    """Whether its first bytes are a video's. A playlist named like a video would make the decoder open other files."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise _bad(path, str(error.strerror)) from error
    return (
        head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}
        or head.startswith((b"\x1a\x45\xdf\xa3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"\x47"))
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
    )


def _bad(path: Path, what: str) -> FacelabelError:
    return FacelabelError(
        "bad_video", f"{path} cannot be read: {what}.", do="Name another file, or convert it."
    )
