"""A drawing of lines, bars and words that can be had as SVG for a page and as PNG for a paper, with no plotting library."""

import functools
import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from trainer.reports.page import text

TEXT, DIM, LINE = "text", "dim", "line"
"""Colours that follow the page; any other colour is meant as it is, as #rrggbb."""
ON_PAPER = {TEXT: "#1b1f24", DIM: "#5b6470", LINE: "#d4d9e0"}
SCALE = 2
"""Pixels of a PNG for each of the SVG's."""
FONT_SIZE = 11.5
Place = tuple[float, float]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Line:
    """Points that are joined; `dash` has the lengths of strokes and gaps, none for a whole line."""

    points: Sequence[Place]
    colour: str
    width: float = 1.0
    dash: str = ""


@dataclass(frozen=True)
class Dot:
    """A filled circle; `tip` is shown by a page when the pointer rests on it."""

    place: Place
    radius: float
    colour: str
    tip: str


@dataclass(frozen=True)
class Box:
    """A filled rectangle from its upper left corner; `opacity` from 0 to 1."""

    place: Place
    width: float
    height: float
    colour: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Words:
    """Words on a baseline that start, end or have their middle at a place; `upright`: read from below."""

    place: Place
    words: str
    anchor: Anchor = "start"
    colour: str = TEXT
    bold: bool = False
    upright: bool = False


Shape = Line | Dot | Box | Words


@dataclass
class Drawing:
    """Shapes on an area, whose upper left corner is (0, 0); the unit is a pixel of a page."""

    title: str
    width: int
    height: int
    shapes: list[Shape] = field(default_factory=list)

    def svg(self) -> str:
        """Return an SVG element in the colours of the page that it stands in."""
        content = "".join(_svg(shape) for shape in self.shapes)
        return (
            f'<svg role="img" aria-label="{text(self.title)}" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family="system-ui, sans-serif" '
            f'font-size="{FONT_SIZE}" fill="var(--text)">{content}</svg>'
        )

    def png(self) -> bytes:
        """Return a PNG file on white, `SCALE` times as large."""
        picture = Image.new("RGB", (self.width * SCALE, self.height * SCALE), "white")
        for shape in self.shapes:
            _paint(picture, shape)
        stream = io.BytesIO()
        picture.save(stream, "PNG", optimize=True)
        return stream.getvalue()


def _css(colour: str) -> str:
    return f"var(--{colour})" if colour in ON_PAPER else colour


def _svg(shape: Shape) -> str:
    if isinstance(shape, Line):
        steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
        dashes = f' stroke-dasharray="{shape.dash}"' if shape.dash else ""
        return (
            f'<polyline points="{steps}" fill="none" stroke="{_css(shape.colour)}" '
            f'stroke-width="{shape.width}"{dashes}/>'
        )
    x, y = shape.place
    if isinstance(shape, Dot):
        tip = f"<title>{text(shape.tip)}</title>"
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{shape.radius}" fill="{_css(shape.colour)}">{tip}</circle>'
        )
    if isinstance(shape, Box):
        faint = f' fill-opacity="{shape.opacity:.2f}"' if shape.opacity < 1 else ""
        return (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}" '
            f'fill="{_css(shape.colour)}"{faint}/>'
        )
    weight = ' font-weight="600"' if shape.bold else ""
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if shape.upright else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{shape.anchor}" fill="{_css(shape.colour)}"{weight}{turn}>'
        f"{text(shape.words)}</text>"
    )


def _paint(picture: Image.Image, shape: Shape) -> None:
    pen = ImageDraw.Draw(picture, "RGBA")
    colour = ON_PAPER.get(shape.colour, shape.colour)
    if isinstance(shape, Line):
        points = [(SCALE * x, SCALE * y) for x, y in shape.points]
        for stroke in _strokes(points, [SCALE * float(length) for length in shape.dash.split()]):
            pen.line(stroke, fill=colour, width=max(1, round(SCALE * shape.width)), joint="curve")
        return
    x, y = SCALE * shape.place[0], SCALE * shape.place[1]
    if isinstance(shape, Dot):
        pen.circle((x, y), SCALE * shape.radius, fill=colour)
    elif isinstance(shape, Box):
        fill = f"{colour}{round(255 * shape.opacity):02x}"
        pen.rectangle((x, y, x + SCALE * shape.width, y + SCALE * shape.height), fill=fill)
    else:
        _write(picture, shape, (x, y), colour)


def _write(picture: Image.Image, shape: Words, place: Place, colour: str) -> None:
    font = _font(SCALE * FONT_SIZE)
    anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
    bold = 0.4 * SCALE / 2 if shape.bold else 0
    if not shape.upright:
        ImageDraw.Draw(picture).text(
            place, shape.words, fill=colour, font=font, anchor=anchor, stroke_width=bold
        )
        return
    # Drawn across the turned picture, so that the words stand upright when it is turned back.
    turned = picture.transpose(Image.Transpose.ROTATE_270)
    across = (picture.height - place[1], place[0])
    ImageDraw.Draw(turned).text(across, shape.words, fill=colour, font=font, anchor=anchor, stroke_width=bold)
    picture.paste(turned.transpose(Image.Transpose.ROTATE_90))


@functools.cache
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of the system that has the letters of many languages; without one, Pillow's own, which has the English ones."""
    for name in ("DejaVuSans.ttf", "Arial.ttf", "LiberationSans-Regular.ttf"):
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def _strokes(points: Sequence[Place], dash: Sequence[float]) -> list[list[Place]]:
    """The visible parts of a dashed line: strokes and gaps in turn, going on around its corners."""
    if not dash:
        return [list(points)]
    strokes: list[list[Place]] = [[points[0]]]
    number, left = 0, dash[0]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        done = 0.0
        while length - done > left:
            done += left
            here = (x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length)
            if number % 2 == 0:
                strokes[-1].append(here)
            else:
                strokes.append([here])
            number += 1
            left = dash[number % len(dash)]
        left -= length - done
        if number % 2 == 0:
            strokes[-1].append((x1, y1))
    return [stroke for stroke in strokes if len(stroke) > 1]
