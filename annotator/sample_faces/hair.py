"""Hair: behind the head, on top of it, and below a hat."""

import random
from typing import NamedTuple

import numpy as np

from annotator.sample_faces.canvas import Canvas, Colour, Shape, ellipse, mirrored, mix, smooth
from annotator.sample_faces.people import Features, Style

# two shades for each code, between which people vary; mixed hair has streaks of a second colour
HAIR: dict[int, tuple[Colour, Colour]] = {
    0: ((116, 72, 42), (138, 90, 54)),
    1: ((26, 23, 27), (36, 31, 34)),
    2: ((138, 140, 146), (160, 161, 166)),
    3: ((226, 184, 98), (240, 208, 132)),
    4: ((188, 76, 30), (206, 94, 42)),
    5: ((240, 239, 236), (248, 247, 245)),
    6: ((48, 40, 40), (84, 56, 40)),
    7: ((52, 104, 196), (38, 150, 130)),
}
STREAKS: tuple[Colour, ...] = ((206, 204, 202), (232, 190, 110))
LONG = ("long", "wavy", "bob", "ponytail", "pigtails", "bun", "afro", "curly")


class Look(NamedTuple):
    """The paint of hair: its colour, a darker and a lighter shade of it, and streaks of another colour."""

    colour: Colour
    dark: Colour
    light: Colour
    streaks: Colour | None


def look(code: int, face: Features) -> Look:
    """Return the paint for a hair colour code."""
    colour = mix(*HAIR[code], face.hair_tone)
    streaks = STREAKS[face.hair_tone < 0.75] if code == 6 else None
    shadow = (56, 60, 84) if code in {2, 5} else (72, 30, 30)  # grey and white hair has cool shadows
    return Look(colour, mix(colour, shadow, 0.28), mix(colour, (255, 246, 230), 0.26), streaks)


def _bumpy(outline: Shape, size: float) -> list[Shape]:
    """Return curls along an outline."""
    step = np.abs(np.diff(outline, append=outline[:1])).cumsum()
    places = [outline[np.searchsorted(step, at)] for at in np.arange(0, step[-1], size * 1.1)]
    return [ellipse(place, size, size) for place in places]


def _behind(style: Style, w: float) -> list[Shape]:
    """Return the outlines of the hair behind the head."""
    hanging: dict[str, list[complex]] = {
        "long": [-86j, w + 6 - 50j, w + 13 + 10j, w + 14 + 70j, w + 10 + 122j, 118j],
        "wavy": [
            -90j,
            w + 8 - 52j,
            w + 18 - 10j,
            w + 11 + 22j,
            w + 22 + 52j,
            w + 12 + 80j,
            w + 16 + 106j,
            100j,
        ],
        "bob": [-88j, w + 8 - 52j, w + 14 + 6j, w + 14 + 46j, w - 6 + 60j, 50j],
    }
    if style in hanging:
        return [smooth(mirrored(hanging[style]), closed=True)]
    if style in {"afro", "curly"}:
        puff, curl = (ellipse(-34j, w + 30, 72), 9) if style == "afro" else (ellipse(-26j, w + 12, 66), 12)
        return [puff, *_bumpy(puff, curl)]
    if style == "bun":
        return [ellipse(-96j, 23, 20)]
    tails: dict[str, list[complex]] = {
        "ponytail": [
            30 - 70j,
            w + 18 - 66j,
            w + 30 - 10j,
            w + 20 + 50j,
            w + 4 + 86j,
            w + 6 + 20j,
            w - 8 - 20j,
        ],
        "pigtails": [w - 8 - 34j, w + 18 - 38j, w + 32 - 2j, w + 22 + 44j, w + 8 + 18j, w - 2 - 8j],
    }
    if style not in tails:
        return []
    tail = smooth(tails[style], closed=True)
    return [tail, -np.conj(tail)] if style == "pigtails" else [tail]


def _on_top(style: Style, w: float) -> list[Shape]:
    """Return the outlines of the hair on the head: along the skull's contour and back along the hairline."""
    if style in {"long", "wavy"}:
        out = [-w - 4 + 24j, -w - 7 - 20j, -w + 4 - 66j, -88j, w - 4 - 66j, w + 7 - 20j, w + 4 + 24j]
        back = [w - 3 - 4j, 0.72 * w - 36j, 0.1 * w - 62j, -0.5 * w - 44j, -0.86 * w - 22j, -w + 3]
    elif style == "bob":
        out = [-w - 4 + 34j, -w - 8 - 20j, -w + 4 - 66j, -90j, w - 4 - 66j, w + 8 - 20j, w + 4 + 34j]
        back = [w - 5 + 6j, 0.86 * w - 24j, 0.4 * w - 30j, -31j, -0.4 * w - 30j, -0.86 * w - 24j, -w + 5 + 6j]
    elif style in {"bun", "ponytail", "pigtails"}:
        out = [-w - 1 - 2j, -w - 3 - 26j, -w + 6 - 64j, -85j, w - 6 - 64j, w + 3 - 26j, w + 1 - 2j]
        back = [w - 5 - 24j, 0.62 * w - 48j, 0.1 * w - 58j, -0.5 * w - 52j, -w + 5 - 24j]
    elif style == "quiff":
        out = [
            -w - 1 + 2j,
            -w - 3 - 30j,
            -w + 2 - 68j,
            -0.4 * w - 94j,
            0.3 * w - 104j,
            w - 4 - 84j,
            w + 4 - 34j,
            w + 1 + 2j,
        ]
        back = [w - 5 - 26j, 0.72 * w - 50j, 0.1 * w - 54j, -0.55 * w - 52j, -w + 5 - 26j]
    elif style == "parted":
        out = [
            -w - 1 + 4j,
            -w - 4 - 30j,
            -w + 4 - 68j,
            -0.3 * w - 90j,
            0.4 * w - 90j,
            w - 2 - 68j,
            w + 4 - 30j,
            w + 1 + 4j,
        ]
        back = [w - 4 - 22j, 0.74 * w - 34j, 0.2 * w - 50j, -0.42 * w - 60j, -0.74 * w - 44j, -w + 4 - 22j]
    else:
        out = [-w - 1 + 3j, -w - 3 - 30j, -w + 4 - 66j, -88j, w - 4 - 66j, w + 3 - 30j, w + 1 + 3j]
        back = [w - 5 - 24j, 0.76 * w - 46j, 0.2 * w - 50j, -0.4 * w - 51j, -0.78 * w - 44j, -w + 5 - 24j]
    cap = smooth([*out, *back], closed=True)
    if style == "afro":
        return [cap, *_bumpy(smooth(out), 11)]
    if style == "curly":
        return [cap, *_bumpy(smooth(out), 9), *_bumpy(smooth(back[1:-1]), 8)]
    return [cap]


def _strands(w: float, rng: random.Random, number: int) -> list[Shape]:
    """Return thin locks that fall from the parting to both sides."""
    locks = []
    for k in range(number):
        side = (k + rng.uniform(0.2, 0.8)) / number * 2 - 1
        sway = rng.uniform(-4, 4)
        root, tip = 0.25 * side * w - 90j, 1.25 * side * w + sway + (30 + 70 * abs(side)) * 1j
        bend = 1.02 * side * w + sway - (72 - 26 * abs(side)) * 1j
        curve = smooth([root, bend, tip])
        width = rng.uniform(0.8, 3.0) * np.sin(np.linspace(0.25, 3.0, len(curve)))
        locks.append(np.concatenate([curve - width, (curve + width)[::-1]]))
    return locks


def _paint(
    canvas: Canvas, outlines: list[Shape], paint: Look, w: float, rng: random.Random, *, shadow: bool
) -> None:
    colour = paint.dark if shadow else paint.colour
    for outline in outlines:
        canvas.fill(outline, colour)
    if not outlines or (shadow and paint.streaks is None):
        return
    mask = canvas.mask(*outlines)
    if not shadow:
        canvas.within(mask, _strands(w, rng, 9), paint.dark, 0.4)
        canvas.glow(-0.35 * w - 72j, 0.75 * w, 26, paint.light, 0.75, inside=mask)
    if paint.streaks is not None:
        canvas.within(mask, _strands(w, rng, 11), mix(paint.streaks, paint.dark, 0.3 * shadow), 0.95)


def draw_behind(canvas: Canvas, style: Style, paint: Look, face: Features, rng: random.Random) -> None:
    """Draw the hair behind neck and head."""
    _paint(canvas, _behind(style, face.width), paint, face.width, rng, shadow=True)


def draw_thick(canvas: Canvas, style: Style, paint: Look, face: Features, rng: random.Random) -> None:
    """Draw a full head of hair."""
    _paint(canvas, _on_top(style, face.width), paint, face.width, rng, shadow=False)
    if style == "pigtails":
        for side in (-1, 1):
            canvas.dot(side * (face.width - 1) - 34j, 6, (222, 92, 120))


def draw_few(canvas: Canvas, paint: Look, face: Features, rng: random.Random) -> None:
    """Draw hair at the sides and a few strands combed over a bare skull."""
    w = face.width
    canvas.glow(-0.2 * w - 62j, 0.5 * w, 14, (255, 250, 240), 0.45)
    side = smooth(
        [w - 6 - 50j, w + 3 - 40j, w + 7 - 18j, w + 4 + 8j, w - 3 + 6j, w - 5 - 18j, w - 10 - 34j],
        closed=True,
    )
    _paint(canvas, [side, -np.conj(side)], paint, w, rng, shadow=False)
    for k in range(7):
        root = (-0.80 + 0.05 * k) * w - (50 + 3.4 * k) * 1j
        tip = (0.34 + 0.06 * k + rng.uniform(-0.05, 0.05)) * w - (58 + 2.6 * k) * 1j
        canvas.stroke([root, -0.3 * w - (69 + 2.6 * k) * 1j, tip], 2.0, paint.colour, taper=0.9)


def draw_sides(canvas: Canvas, style: Style, paint: Look, face: Features, rng: random.Random) -> None:
    """Draw the hair that shows below a hat."""
    w, low = face.width, 40 if style in LONG else 12
    lock = smooth(
        [w - 8 - 50j, w + 6 - 44j, w + 9 - 6j, w + 5 + low * 1j, w - 3 + (low - 8) * 1j, w - 7 - 16j],
        closed=True,
    )
    _paint(canvas, [lock, -np.conj(lock)], paint, w, rng, shadow=False)
