"""The parts of a face: eyes, brows, nose, mouth and beard, and its attributes: wrinkles, freckles and glasses."""

import cmath
import random
from typing import NamedTuple

import numpy as np
from PIL.Image import Image

from annotator.sample_faces.canvas import Canvas, Colour, Shape, ellipse, mirrored, mix, smooth
from annotator.sample_faces.people import Beard, Features

WHITE: Colour = (255, 255, 255)
INK: Colour = (46, 32, 34)
DEEP: Colour = (24, 12, 12)  # lines that must be visible on deep skin
EYE_LINE = -8j
NOSE_ROOT = -2j


class Mood(NamedTuple):
    """What differs between pictures of a person: the turn of the head (-1 to 1), the opening of the eyes, the smile."""

    yaw: float
    open_eyes: float
    smile: float  # -0.2 earnest to 1 beaming
    teeth: bool
    brow_lift: float
    gaze: complex


def mouth_line(face: Features) -> float:
    """Return the height of the mouth."""
    return 0.5 * (face.nose_length + 4 + face.chin) + 1


def head_outline(face: Features) -> Shape:
    """Return the outline of skull, cheeks and jaw."""
    w, jaw = face.width, face.width * face.jaw
    chin = face.chin
    half = [
        -82j,
        0.66 * w - 70j,
        0.97 * w - 36j,
        w + 2j,
        0.96 * w + 26j,
        jaw + 0.70j * chin,
        0.40 * jaw + 0.96j * chin,
    ]
    return smooth(mirrored([*half, 1j * chin]), closed=True)


def draw_eyes(canvas: Canvas, face: Features, mood: Mood, *, feminine: bool) -> None:
    """Draw both eyes with lids and lashes."""
    for side in (-1, 1):
        centre = side * face.eye_gap + EYE_LINE + 5 * mood.yaw
        tilt, rx = cmath.exp(-1j * side * face.eye_tilt), face.eye_size * (1 - 0.10 * side * mood.yaw)
        ry = rx * 0.66 * mood.open_eyes
        canvas.glow(centre, 1.7 * rx, 1.5 * rx, face.shade, 0.42)
        almond = [-rx + 0.10j * ry, -0.55 * rx - 0.8j * ry, 0.1 * rx - 1.04j * ry, 0.7 * rx - 0.66j * ry, rx]
        almond += [0.6 * rx + 0.72j * ry, 0.98j * ry, -0.62 * rx + 0.68j * ry]
        white = centre + smooth([side * p.real + 1j * p.imag for p in almond], closed=True) * tilt
        canvas.fill(white, (252, 250, 248))
        iris, radius = centre + mood.gaze, 0.57 * face.eye_size
        inside = canvas.mask(white)
        canvas.within(inside, [ellipse(iris, radius, radius)], mix(face.eyes, INK, 0.35))
        canvas.within(
            inside, [ellipse(iris + 0.5j, 0.78 * radius, 0.78 * radius)], mix(face.eyes, WHITE, 0.12)
        )
        canvas.within(inside, [ellipse(iris, 0.48 * radius, 0.48 * radius)], (22, 16, 18))
        canvas.dot(iris - 0.3 * radius - 0.38j * radius, 1.7, WHITE, 235)
        lid = [side * p.real + 1j * p.imag for p in (-rx + 0.2j * ry, *almond[1:4], 1.06 * rx - 0.1j * ry)]
        canvas.stroke([centre + p * tilt for p in lid], 3.4 if feminine else 2.6, INK, taper=0.8)
        if feminine:
            for k in range(2):
                root = centre + side * (0.95 - 0.18 * k) * rx * tilt - (0.2 + 0.35 * k) * 1j * ry
                canvas.stroke([root, root + side * 3.6 - (2.6 + 0.8 * k) * 1j], 1.8, INK)


def draw_brows(canvas: Canvas, face: Features, mood: Mood, colour: Colour) -> None:
    """Draw the eyebrows."""
    for side in (-1, 1):
        middle = (
            side * face.eye_gap + EYE_LINE - (face.eye_size + 6.5 + 3 * mood.brow_lift) * 1j + 4.5 * mood.yaw
        )
        arch = face.brow_arch
        curve = [middle - side * 11 + 1.6j, middle + side * 1 - 0.55j * arch, middle + side * 12.5 + 1.5j]
        canvas.stroke(curve, face.brow, colour, taper=0.72)


def draw_nose(canvas: Canvas, face: Features, mood: Mood, light: float) -> None:
    """Draw the nose; light comes from the left (-1) or the right (1)."""
    w, tip = face.nose_width, 1j * face.nose_length + 8 * mood.yaw
    canvas.glow(tip - 2j, 1.9 * w, 1.2 * w, face.shade, 0.38)
    bridge = [
        -light * 0.50 * w + NOSE_ROOT + 5 * mood.yaw,
        -light * 0.42 * w + 0.5 * tip,
        -light * 0.75 * w + tip - 2j,
    ]
    canvas.stroke(bridge, 3.0, face.shade, 105)
    canvas.glow(tip + light * 1.5 - 4j, 0.8 * w, 0.9 * w, mix(face.skin, (255, 240, 222), 0.5), 0.6)
    wings = [-w + tip - 1j, -0.86 * w + tip + 3j, -0.32 * w + tip + 3.2j, tip + 4.6j]
    wings += [0.32 * w + tip + 3.2j, 0.86 * w + tip + 3j, w + tip - 1j]
    canvas.stroke(wings, 2.3, mix(face.shade, INK, 0.28), taper=0.8)


def draw_mouth(canvas: Canvas, face: Features, mood: Mood, *, feminine: bool) -> None:
    """Draw the lips, open with teeth or closed."""
    half, lip = face.mouth * (1 + 0.16 * max(0.0, mood.smile)), face.lips
    middle = 1j * mouth_line(face) + 6 * mood.yaw
    lips = mix(face.skin, (172, 44, 56), (0.56 if feminine else 0.36) * (0.5 + 0.5 * face.skin[1] / 228))
    line, bow = mix(lips, INK, 0.5), 6.5j * mood.smile
    left, right = middle - half - 0.6 * bow, middle + half - 0.6 * bow
    upper = [left, middle - 0.45 * half + 0.1 * bow - 1j * lip, middle - 0.1 * half + 0.34 * bow - 1j * lip]
    upper += [middle + 0.1 * half + 0.34 * bow - 1j * lip, middle + 0.45 * half + 0.1 * bow - 1j * lip, right]
    depth = (4.5 + 3.0 * mood.smile) if mood.teeth else 0.0

    def arc(inset: float, middle_drop: complex, side_drop: complex) -> Shape:
        sides = 0.55 * half
        points = [
            left + inset,
            middle - sides + side_drop,
            middle + middle_drop,
            middle + sides + side_drop,
            right - inset,
        ]
        return smooth(points)

    below = arc(0, bow + (1.3 * lip + depth) * 1j, 0.62 * bow + (lip + 0.82 * depth) * 1j)
    canvas.fill(np.concatenate([smooth(upper), below[::-1]]), lips)
    if mood.teeth:
        inside = np.concatenate(
            [arc(1.6, 0.55 * bow, 0.34 * bow), arc(1.6, bow + 1j * depth, 0.6 * bow + 0.8j * depth)[::-1]]
        )
        canvas.fill(inside, (124, 44, 48))
        canvas.within(
            canvas.mask(inside), [ellipse(middle + 0.5 * bow, half, 0.66 * depth + 1.5)], (252, 250, 246)
        )
    else:
        canvas.stroke(arc(0, 0.72 * bow, 0.42 * bow), 2.2, line, taper=0.7)
    canvas.glow(middle + bow + (lip * 1.3 + depth + 6) * 1j, 0.6 * half, 4, face.shade, 0.4)


def draw_beard(canvas: Canvas, beard: Beard, face: Features, mood: Mood, colour: Colour, head: Image) -> None:
    """Draw a beard, below the mouth's lips which are drawn later."""
    mouth, w, shift = mouth_line(face), face.width, 4 * mood.yaw
    if beard in {"full", "stubble"}:
        half = [
            (mouth - 11) * 1j,
            0.42 * w + (mouth - 9) * 1j,
            0.72 * w + (mouth - 18) * 1j,
            0.94 * w + 2j,
            1.06 * w + 4j,
        ]
        half += [1.02 * w + 40j, 0.72 * w + (face.chin + 2) * 1j, (face.chin + 8) * 1j]
        outline = smooth(mirrored(half) + shift, closed=True)
        if beard == "full":
            canvas.fill(
                smooth(
                    mirrored(
                        [
                            0.6j * face.chin,
                            0.97 * w + 20j,
                            0.9 * w * face.jaw + 0.8j * face.chin,
                            0.4 * w + (face.chin + 3) * 1j,
                            (face.chin + 7) * 1j,
                        ]
                    ),
                    closed=True,
                ),
                colour,
            )
        canvas.within(head, [outline], colour, 1.0 if beard == "full" else 0.26)
    if beard in {"full", "moustache"}:
        top = (face.nose_length + 7) * 1j + 1.3 * shift
        for side in (-1, 1):
            canvas.stroke(
                [top, top + side * 0.24 * w + 4j, top + side * 0.44 * w + 11j], 9, colour, taper=0.75
            )


def draw_wrinkles(canvas: Canvas, face: Features, mood: Mood) -> None:
    """Draw lines on the forehead, at the eyes' corners, below the eyes and from nose to mouth."""
    w, shift = face.width, 5 * mood.yaw
    line = mix(face.shade, DEEP, 0.9 - 0.65 * face.skin[1] / 228)
    for k, reach in enumerate((0.46, 0.54, 0.46)):
        y = -31j - 7.5j * k
        wave = [-reach * w, -0.5 * reach * w - 2.2j, 0.8j, 0.5 * reach * w - 2.2j, reach * w]
        canvas.stroke([p + y + shift for p in wave], 2.1, line, 215)
    for side in (-1, 1):
        eye = side * face.eye_gap + EYE_LINE + shift
        corner = eye + side * (face.eye_size + 3)
        for k in (-1, 0, 1):
            canvas.stroke(
                [corner + 2.6j * k, corner + side * 5 + 4.6j * k, corner + side * 10 + 8j * k], 1.9, line, 215
            )
        for k in (0, 1):
            low, reach = eye + (face.eye_size + 1 + 4.5 * k) * 1j, 9 - 2 * k
            canvas.stroke([low - reach - 1.5j, low + 1.8j, low + reach - 1.5j], 1.9, line, 190)
        fold = side * (face.nose_width + 4) + (face.nose_length - 3) * 1j + 1.3 * shift
        mouth = side * (face.mouth + 8) + (mouth_line(face) + 5) * 1j + shift
        canvas.stroke([fold, 0.45 * fold + 0.55 * mouth + side * 3.5, mouth], 2.5, line, 215)


def draw_freckles(canvas: Canvas, face: Features, mood: Mood, rng: random.Random) -> None:
    """Draw freckles across nose and cheeks."""
    light = face.skin[1] / 228  # on deep skin freckles are dark rather than red
    spot = mix(mix(face.skin, (150, 74, 34), 0.72 * light), DEEP, 0.9 - 0.8 * light)
    for _ in range(58):
        x = rng.gauss(0, 1) * 0.40 * face.width
        y = 16 - 5 * abs(x) / face.width + rng.gauss(0, 1) * 6.5
        if abs(x) < 0.88 * face.width:
            canvas.dot(x + 1j * y + 5 * mood.yaw, rng.uniform(0.9, 1.75), spot, 215)


FRAMES: tuple[Colour, ...] = ((34, 32, 40), (104, 58, 34), (150, 40, 54), (40, 66, 110), (168, 126, 60))
BRIGHT_FRAMES: tuple[Colour, ...] = (
    (214, 174, 96),
    (216, 84, 76),
    (226, 220, 210),
    (112, 168, 214),
)  # on deep skin


def draw_glasses(canvas: Canvas, face: Features, mood: Mood, rng: random.Random, *, dark: bool) -> None:
    """Draw spectacles, or sunglasses with dark lenses."""
    frame = rng.choice(BRIGHT_FRAMES if face.skin[1] < 100 else FRAMES[:2] if dark else FRAMES)
    shift, width = 5 * mood.yaw, rng.uniform(2.6, 3.8)
    rx, ry = min(face.eye_gap - 4.2, 19.5) + 0.8 * dark, 15.5 + rng.uniform(-1.5, 1.5)
    corners = rng.choice((1.0, 0.62, 0.5))  # round to nearly rectangular
    angle = 2 * np.pi * np.arange(44) / 44
    across = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** corners
    unit = across + 1j * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** corners
    tint = rng.choice(((36, 34, 44), (58, 40, 34), (30, 48, 56)))
    for side in (-1, 1):
        centre = side * (face.eye_gap + 0.6) + EYE_LINE + 1.5j + shift
        lens = centre + unit.real * rx + 1j * unit.imag * ry * (1 + 0.05 * dark)
        hinge = centre + side * (rx + 1) - 5j
        canvas.stroke(
            [hinge, 0.5 * hinge + 0.5 * (side * (face.width + 1) - 8j), side * (face.width + 1) - 6j],
            3.6,
            frame,
            taper=0.1,
        )
        if dark:
            canvas.fill(lens, tint)
            canvas.glow(
                centre + 0.9j * ry,
                1.2 * rx,
                ry,
                mix(tint, (214, 150, 110), 0.6),
                0.75,
                inside=canvas.mask(lens),
            )
        else:
            canvas.fill(lens, (226, 242, 252), 30)
        glare = [-0.8 + 0.2j, -0.42 - 0.72j, -0.12 - 0.8j, -0.62 + 0.5j]
        canvas.fill([centre + p.real * rx + 1j * p.imag * ry for p in glare], WHITE, 70)
        canvas.ring(lens, width, frame)
    nose = EYE_LINE - 1j + shift
    gap = face.eye_gap + 0.6 - rx
    canvas.stroke([nose - gap + 1j, nose - 2.5j, nose + gap + 1j], 3.8, frame, taper=0.1)
