"""What is wanted of a video, told to the process that decodes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FrameWish:
    """Which frames are taken; see `video.VideoOptions`."""

    fps: float
    turn: int | None
    drop_blurred: bool
    drop_similar: bool
    max_pixels: int
