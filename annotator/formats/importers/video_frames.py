"""The decoding process of one video: it chooses frames and writes them as JPEG files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from annotator.formats.importers.frame_request import FrameRequest
from annotator.imaging.decoder_pool import begin_decoding, limit_memory, memory_for
from annotator.imaging.perceptual_hash import perceptual_hash

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_QUALITY = 95
_SHARP = 40.0  # variance of the Laplacian at 512 pixels: hundreds for faces in focus, tens for motion blur
_ALIKE = 6  # bits of the 64 of the perceptual hash in which similar frames differ at most
_64_BITS = 2**64 - 1
_MAX_FRAMES = 200_000


def decode_frames(path: Path, folder: Path, request: FrameRequest, sending: Connection) -> None:
    """Write the requested frames as JPEG files.

    Sends ("frame", name) for each of them, ("alive", None) for other frames, ("length", (number of frames, seconds until the
    last one)) after the last, and at last ("end", "" or what went wrong) or ("disk", the OSError).
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the decoder prints hundreds of warnings
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "protocol_whitelist;file"
    cv2.setNumThreads(1)
    begin_decoding()
    limit_memory(memory_for(request.max_pixels))
    sending.send(("alive", None))
    try:
        sending.send(("end", _decode(path, folder, request, sending)))
    except OSError as error:
        sending.send(("disk", error))
    except (cv2.error, MemoryError, ValueError) as error:
        sending.send(("end", f"its decoder failed ({type(error).__name__})"))


def _decode(path: Path, folder: Path, request: FrameRequest, sending: Connection) -> str:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        return "it is damaged, or of a kind that cannot be decoded"
    width, height = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if width * height > request.max_pixels:
        return f"its frames have {width:.0f}×{height:.0f} pixels, more than {request.max_pixels:,}"
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1 if request.turn is None else 0)
    promised = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    last: int | None = None
    count = written = 0
    seconds = next_time = 0.0
    for count, seconds in enumerate(_times(capture), start=1):  # noqa: B007 - used after the loop
        if seconds + 1e-6 < next_time:
            sending.send(("alive", None))
            continue
        next_time = (int(seconds * request.fps + 1e-6) + 1) / request.fps
        is_decoded, frame = capture.retrieve()
        if not is_decoded or frame is None:
            continue
        frame = cv2.rotate(frame, _TURNS[request.turn]) if request.turn else frame
        gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        hashed = perceptual_hash(Image.fromarray(gray))
        similar = last is not None and ((hashed ^ last) & _64_BITS).bit_count() <= _ALIKE
        if (request.drop_similar and similar) or (request.drop_blurred and _sharpness(gray) < _SHARP):
            sending.send(("alive", None))
            continue
        last = hashed
        name = f"{seconds:010.3f}.jpg"
        (folder / name).write_bytes(_jpeg(frame))
        sending.send(("frame", name))
        written += 1
        if written >= _MAX_FRAMES:
            return f"only its first {_MAX_FRAMES:,} frames were imported"
    sending.send(("length", (count, seconds)))
    if count == 0:
        return "it holds no frame that can be decoded"
    if written == 0:
        return "every frame was left out as blurred"
    missing = promised - count
    return (
        f"is damaged: it ends after {count} of {promised:.0f} frames"
        if missing > max(2, 0.05 * promised)
        else ""
    )


def _times(capture: cv2.VideoCapture) -> Iterator[float]:
    """Yield the increasing time of each frame in seconds; computed from the frame rate if the file gives no times."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    step = 1 / rate if 0 < rate < 1000 else 0.04
    before = -step
    while capture.grab():
        time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        before = time if before < time < before + 86_400 else before + step
        yield max(before, 0.0)


def _sharpness(gray: np.ndarray[Any, Any]) -> float:
    height, width = gray.shape
    scale = min(1.0, 512 / max(height, width))
    small = cv2.resize(
        gray, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    return float(cv2.Laplacian(small, cv2.CV_64F).var())


def _jpeg(frame: np.ndarray[Any, Any]) -> bytes:
    done, content = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("a frame cannot be written as JPEG")
    return bytes(content)
