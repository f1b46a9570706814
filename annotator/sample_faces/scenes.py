"""Backgrounds behind a face, and the pictures without one: landscapes, animals and things."""

import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

from annotator.sample_faces.canvas import UNITS, Canvas, Colour, ellipse, mirrored, mix, smooth

WALLS: tuple[Colour, ...] = (
    (236, 226, 210), (198, 218, 228), (222, 206, 226), (206, 224, 200), (246, 214, 190), (172, 188, 204),
    (226, 190, 180), (150, 170, 160), (244, 232, 180), (120, 132, 156), (206, 210, 216), (94, 108, 112),
)  # fmt: skip
WHITE, INK = (255, 255, 255), (44, 40, 52)


def background(size: int, rng: random.Random) -> Image.Image:
    """Return a quiet, blurred background: a wall, lights, a window or the open air."""
    small = 64
    wall = rng.choice(WALLS)
    picture = Image.new("RGB", (small, small), wall)
    draw = ImageDraw.Draw(picture, "RGBA")
    kind = rng.choice(("wall", "lights", "window", "outdoors"))
    if kind == "outdoors":
        draw.rectangle(
            (0, 0, small, small), fill=rng.choice(((176, 212, 238), (206, 226, 240), (248, 216, 186)))
        )
        for k in range(3):
            green = mix((150, 184, 140), (84, 130, 92), k / 2)
            x, y = rng.uniform(0, small), 34.0 + 9 * k
            draw.ellipse((x - 50, y, x + 50, y + 60), fill=green)
    elif kind == "lights":
        for _ in range(9):
            x, y, r = rng.uniform(0, small), rng.uniform(0, small), rng.uniform(3, 9)
            draw.ellipse((x - r, y - r, x + r, y + r), fill=(*mix(wall, rng.choice(WALLS), 0.7), 150))
    elif kind == "window":
        x = rng.choice((2, 40))
        draw.rectangle((x, 6, x + 24, 40), fill=mix(wall, WHITE, 0.7))
        draw.rectangle((x + 11, 6, x + 13, 40), fill=wall)
    else:
        draw.ellipse((-10, -14, 74, 70), fill=(*mix(wall, WHITE, 0.4), 150))
    picture = picture.filter(ImageFilter.GaussianBlur(1.2 if kind == "window" else 2))
    return picture.resize((size, size), Image.Resampling.BILINEAR)


def _landscape(canvas: Canvas, rng: random.Random) -> None:
    sky = rng.choice(((168, 214, 240), (250, 204, 160), (206, 198, 236)))
    canvas.fill([0, 256, 256 + 256j, 256j], sky)
    canvas.dot(rng.uniform(60, 200) + 66j, 24, (255, 238, 178))
    for k, colour in enumerate(((148, 160, 190), (112, 132, 160), (98, 150, 104), (66, 118, 84))):
        ridge = [-20 + (150 + 24 * k) * 1j]
        ridge += [x + (150 + 24 * k - rng.uniform(-4, 44 - 12 * k)) * 1j for x in range(30, 270, 45)]
        curve = smooth([*ridge, 280 + (150 + 24 * k) * 1j])
        canvas.fill([*curve.tolist(), 280 + 280j, -20 + 280j], colour)


def _cat(canvas: Canvas, rng: random.Random) -> None:
    fur = rng.choice(((214, 146, 82), (120, 120, 130), (70, 64, 70), (232, 216, 190)))
    inner = mix(fur, (255, 190, 190), 0.6)
    canvas.fill(ellipse(128 + 262j, 84, 74), mix(fur, INK, 0.12))
    for side in (-1, 1):
        ear = [128 + side * 24 + 84j, 128 + side * 66 + 26j, 128 + side * 78 + 122j]
        canvas.fill(ear, fur)
        canvas.fill([0.6 * p + 0.4 * sum(ear) / 3 for p in ear], inner)
    canvas.fill(ellipse(128 + 136j, 80, 68), fur)
    canvas.fill(ellipse(128 + 170j, 36, 26), mix(fur, WHITE, 0.6))
    for side in (-1, 1):
        canvas.fill(ellipse(128 + side * 34 + 126j, 14, 16), (206, 222, 120))
        canvas.fill(ellipse(128 + side * 34 + 126j, 4, 14), INK)
        canvas.stroke([128 + 166j, 128 + side * 10 + 178j, 128 + side * 22 + 172j], 3.4, INK, taper=0.5)
        for k in (-1, 0, 1):
            canvas.stroke(
                [128 + side * 26 + (166 + 4 * k) * 1j, 128 + side * 92 + (160 + 14 * k) * 1j], 2, WHITE
            )
        canvas.stroke([128 + side * 8 + 72j, 128 + side * 10 + 96j], 7, mix(fur, INK, 0.3))
    canvas.fill([118 + 154j, 138 + 154j, 128 + 166j], (226, 120, 130))


def _dog(canvas: Canvas, rng: random.Random) -> None:
    fur = rng.choice(((196, 150, 100), (150, 104, 70), (236, 228, 214)))
    dark = mix(fur, (60, 34, 24), 0.6)
    canvas.fill(ellipse(128 + 266j, 80, 76), mix(fur, INK, 0.1))
    canvas.fill(smooth(mirrored([-74j, 52 - 58j, 66 - 6j, 46 + 52j, 72j]) + 128 + 126j, closed=True), fur)
    for side in (-1, 1):
        canvas.fill(ellipse(128 + side * 72 + 124j, 22, 52, -0.25 * side), dark)
        canvas.fill(ellipse(128 + side * 30 + 108j, 9, 10), INK)
        canvas.dot(131 + side * 30 + 104j, 3, WHITE)
    canvas.fill(ellipse(128 + 166j, 42, 34), mix(fur, WHITE, 0.65))
    canvas.fill(ellipse(128 + 186j, 11, 18), (226, 110, 120))
    canvas.stroke([100 + 172j, 114 + 181j, 128 + 174j, 142 + 181j, 156 + 172j], 4, INK, taper=0.4)
    canvas.fill(ellipse(128 + 148j, 17, 12), INK)


def _house(canvas: Canvas, rng: random.Random) -> None:
    wall = rng.choice(((240, 220, 190), (214, 120, 104), (150, 186, 206)))
    canvas.fill([0, 256, 256 + 256j, 256j], (190, 222, 242))
    canvas.fill([190j, 256 + 190j, 256 + 256j, 256j], (124, 172, 112))
    canvas.fill([60 + 112j, 196 + 112j, 196 + 216j, 60 + 216j], wall)
    canvas.fill([42 + 118j, 128 + 48j, 214 + 118j], (156, 76, 66))
    canvas.fill([114 + 160j, 144 + 160j, 144 + 216j, 114 + 216j], (110, 74, 54))
    for x in (74, 158):
        canvas.fill([x + 130j, x + 26 + 130j, x + 26 + 158j, x + 158j], (236, 244, 250))
        canvas.stroke([x + 13 + 130j, x + 13 + 158j], 3, (110, 74, 54), taper=0)
    canvas.fill([224 + 150j, 234 + 150j, 234 + 222j, 224 + 222j], (110, 74, 54))
    canvas.fill(ellipse(229 + 128j, 26, 40), (76, 138, 88))


def _mug(canvas: Canvas, rng: random.Random) -> None:
    colour = rng.choice(((206, 84, 74), (70, 120, 160), (240, 190, 80), (104, 156, 120)))
    canvas.fill([196j, 256 + 196j, 256 + 256j, 256j], (176, 130, 92))
    canvas.fill(ellipse(124 + 212j, 82, 12), (120, 84, 58), 120)
    canvas.ring(ellipse(184 + 148j, 24, 28), 12, mix(colour, INK, 0.15))
    canvas.fill(
        smooth([62 + 92j, 64 + 150j, 72 + 206j, 124 + 216j, 176 + 206j, 184 + 150j, 186 + 92j]), colour
    )
    canvas.fill(ellipse(124 + 92j, 62, 15), mix(colour, WHITE, 0.35))
    canvas.fill(ellipse(124 + 95j, 54, 11), (92, 58, 40))
    canvas.stroke([80 + 116j, 82 + 156j, 88 + 192j], 9, mix(colour, WHITE, 0.45))
    for x in (104, 132):
        canvas.stroke([x + 78j, x + 10 + 58j, x - 4 + 38j, x + 8 + 18j], 6, WHITE, 150)


def _plant(canvas: Canvas, rng: random.Random) -> None:
    pot = rng.choice(((198, 106, 74), (236, 232, 226), (90, 110, 150)))
    for k in range(11):
        reach = (k - 5) * 19 + rng.uniform(-5, 5)
        tip, green = (
            128 + reach + (52 + abs(k - 5) * 17) * 1j,
            mix((60, 128, 82), (128, 180, 96), rng.random()),
        )
        bend = 128 + 0.72 * reach + (100 + abs(k - 5) * 6) * 1j
        canvas.stroke([128 + 184j, bend, tip], 20, green)
    canvas.fill([80 + 172j, 176 + 172j, 162 + 240j, 94 + 240j], pot)
    canvas.fill([74 + 162j, 182 + 162j, 182 + 180j, 74 + 180j], mix(pot, WHITE, 0.2))


_SCENES: tuple[Callable[[Canvas, random.Random], None], ...] = (_landscape, _cat, _dog, _house, _mug, _plant)


def draw_scene(size: int, rng: random.Random) -> Image.Image:
    """Return a picture in which no human face is seen."""
    canvas = Canvas(background(size, rng))
    centre, turn = UNITS / 2 * (1 + 1j), rng.uniform(1.0, 1.12)
    canvas.place(centre - centre * turn, complex(turn))
    rng.choice(_SCENES)(canvas, rng)
    return canvas.finish()
