"""Photos for tests: small, made from a number, equal only for equal numbers."""

from pathlib import Path

import numpy as np
from PIL import Image


def draw_photo(path: Path, seed: int, kind: str | None = None) -> Path:
    """Draw a photo that no other seed gives, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), np.uint8)
    Image.fromarray(blocks).resize((32, 32), Image.Resampling.NEAREST).save(path, kind)
    return path


def draw_photos(folder: Path, seeds: dict[str, int]) -> Path:
    """Draw a photo for every path below a folder."""
    for name, seed in seeds.items():
        draw_photo(folder / name, seed)
    return folder
