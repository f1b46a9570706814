"""The frames that are requested of a video; the decoding process receives it, and it imports nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FrameRequest:
    """Which frames become images; the fields are those of `video.VideoOptions`."""

    fps: float
    turn: int | None
    drop_blurred: bool
    drop_similar: bool
    max_pixels: int
