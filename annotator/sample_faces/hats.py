"""Hats and head coverings."""

import random
from collections.abc import Callable

import numpy as np

from annotator.sample_faces.canvas import Canvas, Colour, Shape, ellipse, mirrored, mix, smooth
from annotator.sample_faces.people import Features, Style

HAT_COLOURS: tuple[Colour, ...] = (
    (196, 66, 62), (46, 84, 140), (58, 122, 96), (226, 160, 60), (122, 82, 140), (70, 76, 88), (214, 120, 130),
)  # fmt: skip


def _cap(canvas: Canvas, w: float, colour: Colour, dark: Colour) -> None:
    dome = smooth(mirrored([-96j, 0.7 * w - 84j, w + 5 - 52j, w + 6 - 32j, -38j]), closed=True)
    canvas.fill(dome, colour)
    canvas.glow(-20 - 80j, 40, 22, (255, 255, 255), 0.3, inside=canvas.mask(dome))
    for bend in (-0.45, 0.45):
        canvas.stroke([-95j, bend * w - 74j, 1.3 * bend * w - 38j], 1.6, dark, taper=0.3)
    canvas.dot(-96j, 4, dark)
    canvas.fill(smooth(mirrored([-47j, 0.8 * w - 45j, w + 8 - 31j, 0.6 * w - 27j, -24j]), closed=True), dark)


def _beanie(canvas: Canvas, w: float, colour: Colour, dark: Colour) -> None:
    canvas.dot(-104j, 12, mix(colour, (255, 255, 255), 0.55))
    dome = smooth(mirrored([-102j, 0.72 * w - 88j, w + 5 - 50j, w + 5 - 34j, -38j]), closed=True)
    canvas.fill(dome, colour)
    canvas.glow(-20 - 78j, 40, 26, (255, 255, 255), 0.3, inside=canvas.mask(dome))
    canvas.fill(
        smooth(mirrored([-56j, 0.8 * w - 55j, w + 8 - 48j, w + 8 - 28j, 0.7 * w - 31j, -34j]), closed=True),
        dark,
    )
    for k in range(-7, 8):
        canvas.stroke([k / 7 * w - 53j, k / 7 * (w + 3) - 34j], 1.6, colour, taper=0.2)


def _straw_hat(canvas: Canvas, w: float, colour: Colour, _dark: Colour) -> None:
    straw = (232, 200, 136)
    canvas.fill(ellipse(-40j, w + 38, 21), mix(straw, (110, 70, 30), 0.25))
    canvas.fill(ellipse(-44j, w + 38, 19), straw)
    dome = smooth(mirrored([-106j, 0.62 * w - 100j, 0.88 * w - 70j, 0.92 * w - 46j, -38j]), closed=True)
    canvas.fill(dome, mix(straw, (255, 250, 225), 0.25))
    band = canvas.mask(dome)
    canvas.within(band, [smooth(mirrored([-62j, w - 64j, w - 44j, -34j]), closed=True)], colour)
    canvas.glow(-18 - 86j, 34, 20, (255, 255, 255), 0.4, inside=band)


def _hood_outline(w: float) -> Shape:
    half = [-102j, 0.8 * w - 88j, w + 19 - 36j, w + 19 + 24j, w + 9 + 74j, 0.7 * w + 110j, 118j]
    return smooth(mirrored(half), closed=True)


def draw_inside_of_hood(canvas: Canvas, face: Features) -> None:
    """Draw the shadow behind a head whose hair is covered."""
    canvas.fill(0.97 * _hood_outline(face.width), (62, 54, 62))


def _hood(canvas: Canvas, w: float, colour: Colour, dark: Colour) -> None:
    inner = mirrored(
        [-70j, 0.62 * w - 62j, 0.93 * w - 30j, 0.95 * w + 14j, 0.73 * w + 46j, 0.36 * w + 70j, 78j]
    )
    opening, edge = smooth(inner, closed=True), _hood_outline(w)
    canvas.fill(np.concatenate([edge, edge[:1], opening[:1], opening[::-1]]), colour)
    for start, bend in ((0.55, 0.98), (0.2, 1.06)):
        for side in (-1, 1):
            fold = [
                side * start * w - (92 - 14 * start) * 1j,
                side * (bend * w + 6) - 40j,
                side * (w + 8) + 40j,
            ]
            canvas.stroke(fold, 2.4, dark, 120)
    canvas.ring(opening, 3.2, dark)


def _hoodie(canvas: Canvas, w: float, colour: Colour, dark: Colour) -> None:
    _hood(canvas, w, colour, dark)
    for side in (-1, 1):
        canvas.stroke([side * 16 + 86j, side * 20 + 100j, side * 17 + 118j], 3.4, (244, 240, 232), taper=0.1)


def _scarf(canvas: Canvas, w: float, colour: Colour, dark: Colour) -> None:
    _hood(canvas, w, colour, mix(colour, dark, 0.7))
    canvas.stroke([-0.85 * w + 66j, -10 + 96j, 0.9 * w + 84j], 9, mix(colour, (255, 255, 255), 0.2))


def _turban(canvas: Canvas, w: float, colour: Colour, dark: Colour) -> None:
    wrap = smooth(
        mirrored([-112j, 0.8 * w - 100j, w + 17 - 60j, w + 8 - 22j, 0.6 * w - 40j, -54j]), closed=True
    )
    canvas.fill(wrap, colour)
    canvas.glow(-24 - 90j, 44, 26, (255, 255, 255), 0.3, inside=canvas.mask(wrap))
    for k in range(4):
        rise = 13 * k
        for side in (-1, 1):
            fold = [
                side * (w + 10 - 3 * k) - (34 + rise) * 1j,
                side * 0.5 * w - (60 + rise) * 1j,
                -(60 + 0.7 * rise) * 1j,
            ]
            canvas.stroke(fold, 2.4, dark, 170)


_Hat = Callable[[Canvas, float, Colour, Colour], None]
_OPEN_HATS: tuple[_Hat, ...] = (_cap, _beanie, _straw_hat)


def draw_hat(canvas: Canvas, style: Style, face: Features, rng: random.Random, *, covering: bool) -> None:
    """Draw a hat; a covering hat hides all hair."""
    colour = rng.choice(HAT_COLOURS)
    covers: dict[str, _Hat] = {"scarf": _scarf, "turban": _turban}
    hat = covers.get(style) or (_hoodie if covering else rng.choice(_OPEN_HATS))
    hat(canvas, face.width, colour, mix(colour, (20, 16, 36), 0.32))
