"""A canvas for smooth shapes. Points are complex numbers; drawing larger and shrinking softens the edges."""

import cmath
import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

Colour = tuple[int, int, int]
Shape = NDArray[np.complex128]
Points = Sequence[complex] | Shape

UNITS = 256  # the drawing is described on a square of this many units, whatever the size in pixels
SUPERSAMPLING = 2  # pixels are drawn this many times finer in each direction, then averaged

_CIRCLE: Shape = np.exp(2j * np.pi * np.arange(32) / 32)
_STEPS = 6  # points of a curve between two given points
_T = np.arange(_STEPS) / _STEPS
_CATMULL_ROM = (
    np.stack(
        [-_T + 2 * _T**2 - _T**3, 2 - 5 * _T**2 + 3 * _T**3, _T + 4 * _T**2 - 3 * _T**3, _T**3 - _T**2]
    ).T
    / 2
)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Return the colour between `a` (share 0) and `b` (share 1)."""
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


def ellipse(centre: complex, rx: float, ry: float, angle: float = 0.0) -> Shape:
    """Return the outline of an ellipse, turned by `angle` radians."""
    return centre + (_CIRCLE.real * rx + 1j * _CIRCLE.imag * ry) * cmath.exp(1j * angle)


def smooth(points: Points, *, closed: bool = False) -> Shape:
    """Return a curve through all points (Catmull-Rom spline)."""
    p = np.asarray(points, dtype=np.complex128)
    padded = np.concatenate([p[-1:], p, p[:2]] if closed else [p[:1] * 2 - p[1:2], p, p[-1:] * 2 - p[-2:-1]])
    windows = np.stack([padded[k : len(padded) - 3 + k] for k in range(4)])
    curve = (_CATMULL_ROM @ windows).T.ravel()
    return curve if closed else np.concatenate([curve, p[-1:]])


def mirrored(points: Points) -> Shape:
    """Return a symmetric outline from its right half, given from top to bottom with both ends on the axis."""
    half = np.asarray(points, dtype=np.complex128)
    return np.concatenate([half, -np.conj(half[-2:0:-1])])


@functools.cache
def _spot(strength: float) -> Image.Image:
    """Return a soft round spot, as bright as `strength` in the middle, black at the rim."""
    y, x = np.mgrid[-1:1:48j, -1:1:48j]
    level = np.clip(1 - np.hypot(x, y), 0, 1)
    return Image.fromarray((255 * strength * level**2 * (3 - 2 * level)).astype(np.uint8))


@functools.cache
def _pressure(length: int) -> NDArray[np.float64]:
    """Return the (length,) shares of its width that a stroke loses at each point."""
    return np.abs(np.linspace(-1, 1, length)) ** 2.5


class Canvas:
    """An RGB drawing of UNITS by UNITS units on a background.

    Args:
        background: the picture behind the drawing, in the final size.
    """

    def __init__(self, background: Image.Image) -> None:
        side = background.width * SUPERSAMPLING
        # repeats every pixel, so that shrinking restores the background exactly where nothing was drawn
        self._image = background.resize((side, side), Image.Resampling.NEAREST)
        self._draw = ImageDraw.Draw(self._image, "RGBA")
        self._unit = side / UNITS
        self.place(0j, 1 + 0j)

    def place(self, origin: complex, turn: complex) -> None:
        """Draw the next shapes at `origin`, scaled and turned by the complex factor `turn`."""
        self._origin, self._turn = origin * self._unit, turn * self._unit

    def _pixels(self, points: Points) -> list[float]:
        z = np.asarray(points, dtype=np.complex128) * self._turn + self._origin
        return z.view(np.float64).tolist()  # type: ignore[no-any-return]

    def fill(self, outline: Points, colour: Colour, alpha: int = 255) -> None:
        """Fill a closed outline."""
        self._draw.polygon(self._pixels(outline), fill=(*colour, alpha))

    def dot(self, centre: complex, radius: float, colour: Colour, alpha: int = 255) -> None:
        """Fill a circle."""
        self.fill(ellipse(centre, radius, radius), colour, alpha)

    def stroke(
        self, curve: Points, width: float, colour: Colour, alpha: int = 255, *, taper: float = 1.0
    ) -> None:
        """Draw along a curve with a brush, `width` units wide in the middle and thinner at the ends by `taper`."""
        z = smooth(curve)
        along = np.concatenate([z[1:2] - z[:1], z[2:] - z[:-2], z[-1:] - z[-2:-1]])
        swell = np.maximum(1 - taper * _pressure(len(z)), 0.08)
        side = along * (0.5j * width * swell / np.maximum(np.abs(along), 1e-9))
        self.fill(np.concatenate([z + side, (z - side)[::-1]]), colour, alpha)

    def ring(self, outline: Shape, width: float, colour: Colour) -> None:
        """Draw a closed frame of even width."""
        middle = outline.mean()
        outer = outline + (outline - middle) / np.abs(outline - middle) * width
        self.fill(np.concatenate([outer, outer[:1], outline[:1], outline[::-1]]), colour)

    def mask(self, *outlines: Points) -> Image.Image:
        """Return a mask of the canvas in which the outlines are white."""
        mask = Image.new("L", self._image.size)
        draw = ImageDraw.Draw(mask)
        for outline in outlines:
            draw.polygon(self._pixels(outline), fill=255)
        return mask

    def within(
        self, mask: Image.Image, outlines: Sequence[Points], colour: Colour, strength: float = 1.0
    ) -> None:
        """Fill outlines, but only inside a mask."""
        marks = Image.new("L", mask.size)
        draw = ImageDraw.Draw(marks)
        for outline in outlines:
            draw.polygon(self._pixels(outline), fill=round(255 * strength))
        box = marks.getbbox()
        if box:
            self._image.paste(colour, box, ImageChops.multiply(marks.crop(box), mask.crop(box)))

    def glow(
        self,
        centre: complex,
        rx: float,
        ry: float,
        colour: Colour,
        strength: float,
        inside: Image.Image | None = None,
    ) -> None:
        """Add a soft spot of light, blush or shadow, optionally only inside a mask."""
        middle, scale = centre * self._turn + self._origin, abs(self._turn)
        w, h = max(2, round(2 * rx * scale)), max(2, round(2 * ry * scale))
        left, top = round(middle.real - w / 2), round(middle.imag - h / 2)
        spot = _spot(strength).resize((w, h), Image.Resampling.BILINEAR)
        if inside is not None:
            spot = ImageChops.multiply(spot, inside.crop((left, top, left + w, top + h)))
        self._image.paste(colour, (left, top), spot)

    def finish(self) -> Image.Image:
        """Return the picture in its final size."""
        return self._image.reduce(SUPERSAMPLING)
