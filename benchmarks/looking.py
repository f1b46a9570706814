"""From whole photos to the features of a round: the search and both views, beside what an earlier version did.

The earlier version searched with HOG alone, described faces in dlib, squeezed the whole image to a square and computed its
features in torch. Both take turns at every few photos, so that the load of the machine is the same for both.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from annotator.imaging.detector import FoundFace, find_faces, scale_face
from annotator.sample_faces import draw_faces
from benchmarks.faces import PHOTOS, hog_alone, images_of, view
from benchmarks.support.report import Figures, Size
from trainer.data.faces import turn_back
from trainer.data.images import load_image
from trainer.networks import Backbone, build
from trainer.networks.inference import FEWEST, inference
from trainer.probe.sources import BACKBONE, VIEWS
from trainer.views import load_views

AT_ONCE = 8
"""Photos after which the other way has its turn."""
Seconds = dict[str, float]
"""Part of the work → seconds."""


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if size == "small" or not PHOTOS.is_dir():
            draw_faces(folder / "drawn", 8, size=256)
            files = sorted((folder / "drawn").glob("*.jpg"))
        else:
            files = images_of(PHOTOS)
        return {"from photos to features": compared(files, folder / "cache")}


def compared(files: Sequence[Path], cache: Path) -> list[dict[str, Any]]:
    """A row per way: photos per second in all, and seconds per photo of every part."""
    backbone = build(BACKBONE, pretrained=True).eval()
    cache.mkdir()
    warm_up(backbone, cache)
    ways: dict[str, Callable[[Sequence[Path]], Seconds]] = {
        "before": lambda some: before(some, backbone),
        "views": lambda some: with_views(some, backbone, cache),
    }
    spent: dict[str, Seconds] = {way: {} for way in ways}
    for start in range(
        -2 * AT_ONCE, len(files), AT_ONCE
    ):  # the first photos are not counted: networks are loaded
        some = files[max(start, 0) : max(start, 0) + AT_ONCE]
        for way, work in ways.items():
            for part, seconds in work(some).items():
                spent[way][part] = spent[way].get(part, 0.0) + seconds * (start >= 0)
    totals = {way: sum(parts.values()) for way, parts in spent.items()}
    return [
        {
            "way": way,
            "photos": len(files),
            "photos/s": round(len(files) / totals[way], 2),
            "times as fast": round(totals["before"] / totals[way], 2),
            **{f"{part}, s": round(seconds / len(files), 3) for part, seconds in parts.items()},
        }
        for way, parts in spent.items()
    ]


def warm_up(backbone: Backbone, cache: Path) -> None:
    """Let OpenVINO compile the network, as in a project of more than a few images."""
    features = inference(backbone, cache)
    for one in VIEWS:
        for _ in range(2 * FEWEST // AT_ONCE):
            with torch.inference_mode():
                features(torch.randint(256, (AT_ONCE, 3, one.side, one.side), dtype=torch.uint8))


def before(files: Sequence[Path], backbone: Backbone) -> Seconds:
    """HOG alone, and one feature of the whole image in torch."""
    clock = Clock()
    for file in files:
        hog_alone(view(file))
    clock.stop("faces")
    squares = torch.stack([load_image(file, backbone.input_size) for file in files])
    clock.stop("pixels")
    with torch.inference_mode():
        backbone(backbone.normalise(squares))
    clock.stop("features")
    return clock.parts


def with_views(files: Sequence[Path], backbone: Backbone, cache: Path) -> Seconds:
    """The search of today, and the features of head and face."""
    clock = Clock()
    landmarks = [landmarks_of(file, find_faces) for file in files]
    clock.stop("faces")
    views = [load_views(file, points, VIEWS) for file, points in zip(files, landmarks, strict=True)]
    clock.stop("pixels")
    features = inference(backbone, cache)
    for one in VIEWS:
        pixels = np.stack([cuts[one.name] for cuts in views])
        with torch.inference_mode():
            features(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    clock.stop("features")
    return clock.parts


def landmarks_of(file: Path, find: Callable[[Image.Image], list[FoundFace]]) -> NDArray[np.float32] | None:
    """The landmarks of the largest face in pixels of the upright photo."""
    image = view(file)
    found = find(image)
    if not found:
        return None
    with Image.open(file) as opened:
        longer = max(opened.size)
    size = tuple(round(side * longer / max(image.size)) for side in image.size)
    face = scale_face(found[0], image.size, (size[0], size[1]))
    points = turn_back(np.array([face.points]), np.array([face.turn]), np.array([size]))
    upright: NDArray[np.float32] = points[0].astype(np.float32)
    return upright


class Clock:
    """Seconds of the parts of some work."""

    def __init__(self) -> None:
        self.parts: Seconds = {}
        self._since = time.perf_counter()

    def stop(self, part: str) -> None:
        """The part that ends now."""
        now = time.perf_counter()
        self.parts[part] = now - self._since
        self._since = now
