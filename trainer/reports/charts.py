"""Charts, drawn by hand so that a report needs no plotting library and no script: for a page, as PNG and as JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.reports.drawing import DIM, LINE, Box, Dot, Drawing, Line, Words
from trainer.reports.page import text

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f", "#b3a500")
"""Of Okabe and Ito, which people who see fewer colours can tell apart; lines also differ by their dashes."""
DASHES = ("", "6 3", "2 3", "8 3 2 3")
WIDTH, HEIGHT = 384, 236
"""Three beside each other fill a page."""
LEFT, RIGHT, TOP, BOTTOM = 64, 14, 26, 42
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """Where values go: `low` and `high` are its ends, `logarithmic` for a scale of powers of ten, `whole` for counted things."""

    title: str
    low: float
    high: float
    logarithmic: bool = False
    whole: bool = False

    def place(self, value: float, start: float, end: float) -> float:
        """Return the pixel of a value between two pixels."""
        low, high, here = self.low, self.high, value
        if self.logarithmic:
            low, high, here = math.log10(low), math.log10(high), math.log10(value)
        return start + (here - low) / ((high - low) or 1.0) * (end - start)

    def ticks(self) -> list[float]:
        """Return some round values on the axis."""
        if self.logarithmic:
            powers = range(
                math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1
            )
            return [10.0**power for power in powers][:: max(1, len(powers) // 6)]
        step = 10 ** math.floor(math.log10(((self.high - self.low) or 1.0) / 4))
        step = next(step * m for m in (1, 2, 5, 10) if (self.high - self.low) / (step * m) <= 6)
        step = max(1, step) if self.whole else step
        first = math.ceil(self.low / step - 1e-9)
        return [step * n for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Chart:
    """A drawing, what it shows as plain values, and the names of its lines for a legend on a page."""

    drawing: Drawing
    values: dict[str, Any]
    legend: tuple[str, ...] = ()
    dashed: bool = True

    @property
    def html(self) -> str:
        """Return it as SVG with its legend."""
        return self.drawing.svg() + (_legend(self.legend, dashed=self.dashed) if self.legend else "")

    def png(self) -> bytes:
        """Return it as a PNG file with its legend."""
        above, row = self.drawing, 18
        height = above.height + row * len(self.legend)
        shapes = list(above.shapes)
        for number, name in enumerate(self.legend):
            y = above.height + row * number + 8
            colour, dash = _look(number, dashed=self.dashed)
            shapes += [Line([(LEFT, y), (LEFT + 26, y)], colour, 2.5, dash), Words((LEFT + 34, y + 4), name)]
        return Drawing(above.title, above.width, height, shapes).png()


def line_chart(
    title: str,
    lines: Mapping[str, Points],
    x: Axis,
    y: Axis,
    *,
    mark: float | None = None,
    diagonal: bool = False,
    shares: Sequence[tuple[float, float, float]] = (),
) -> Chart:
    """Return lines over two axes with a legend.

    Args:
        title: Above the chart.
        lines: Name → points in the order in which they are joined.
        x: Horizontal axis.
        y: Vertical axis.
        mark: Where on the horizontal axis a vertical line stands.
        diagonal: Draw the line x = y.
        shares: Low end, high end, share: faint bars that tell where most of what is shown lies.
    """
    drawing = _frame(title, x, y)
    for low, high, share in shares:
        left, right = (x.place(end, LEFT, WIDTH - RIGHT) for end in (low, high))
        height = share * (HEIGHT - BOTTOM - TOP)
        drawing.shapes.append(
            Box((left, HEIGHT - BOTTOM - height), right - left - 1, height, COLOURS[6], 0.3)
        )
    if diagonal:
        drawing.shapes.append(Line(_places([(x.low, x.low), (x.high, x.high)], x, y), DIM, 1.8, "3 3"))
    if mark is not None:
        drawing.shapes.append(Line(_places([(mark, y.low), (mark, y.high)], x, y), DIM, 1.8, "4 2"))
    for number, (name, points) in enumerate(lines.items()):
        colour, dash = _look(number)
        places = _places(points, x, y)
        drawing.shapes.append(Line(places, colour, 1.8, dash))
        if len(points) <= 60:
            drawing.shapes += [
                Dot(place, 2.2, colour, f"{name}: {value:.4g}")
                for place, (_, value) in zip(places, points, strict=True)
            ]
    values = {"lines": {name: [list(point) for point in points] for name, points in lines.items()}}
    return Chart(drawing, {"title": title, "x": x.title, "y": y.title, **values}, tuple(lines))


def bar_chart(title: str, bars: Mapping[str, float], *, most: float | None = None) -> Chart:
    """Return horizontal bars, each with its name and value."""
    most = most or max(bars.values(), default=1.0) or 1.0
    drawing = Drawing(title, WIDTH, 32 + 22 * len(bars), [Words((4, 14), title, bold=True)])
    for number, (name, value) in enumerate(bars.items()):
        y = 26 + 22 * number
        width = max(0.0, value / most) * (WIDTH - 210)
        drawing.shapes += [
            Words((132, y + 13), name[:20], "end"),
            Box((140, y), width, 17, COLOURS[0]),
            Words((146 + width, y + 13), f"{value:.3f}" if most <= 1 else f"{value:,.0f}"),
        ]
    return Chart(drawing, {"title": title, "bars": dict(bars)})


def stacked_chart(title: str, parts: Sequence[str], bars: Mapping[str, Sequence[int]]) -> Chart:
    """Return horizontal bars of counts, each made of the same parts, with its sum."""
    most = max((sum(counts) for counts in bars.values()), default=0) or 1
    drawing = Drawing(title, WIDTH, 32 + 22 * len(bars), [Words((4, 14), title, bold=True)])
    for number, (name, counts) in enumerate(bars.items()):
        x, y = 140.0, 26 + 22 * number
        drawing.shapes.append(Words((132, y + 13), name[:20], "end"))
        for part, count in enumerate(counts):
            width = count / most * (WIDTH - 210)
            drawing.shapes.append(Box((x, y), width, 17, COLOURS[part % len(COLOURS)]))
            x += width
        drawing.shapes.append(Words((x + 6, y + 13), f"{sum(counts):,}"))
    values = {name: dict(zip(parts, counts, strict=True)) for name, counts in bars.items()}
    return Chart(drawing, {"title": title, "bars": values}, tuple(parts), dashed=False)


def matrix_chart(title: str, names: Sequence[str], counts: Sequence[Sequence[int]]) -> Chart:
    """Return a confusion matrix: row the right class, column the answer, cells coloured by their share of the row."""
    side, left, top = max(46, 300 // max(1, len(names))), 132, 62
    size = max(300, left + side * len(names) + 14), top + 26 * len(names) + 12
    drawing = Drawing(title, *size, [Words((4, 14), title, bold=True)])
    drawing.shapes.append(Words((4, 32), "rows: what it is; columns: what was answered", colour=DIM))
    for number, (name, row) in enumerate(zip(names, counts, strict=True)):
        y, total = top + 26 * number, sum(row)
        drawing.shapes += [
            Words((left + side * (number + 0.5), top - 6), name[: side // 7], "middle"),
            Words((left - 6, y + 17), name[:18], "end"),
        ]
        for column, count in enumerate(row):
            x, part = left + side * column, count / total if total else 0.0
            drawing.shapes += [
                Box((x, y), side - 2, 24, COLOURS[0], 0.04 + 0.61 * part),
                Words((x + side / 2, y + 17), f"{count:,}", "middle"),
            ]
    return Chart(drawing, {"title": title, "names": list(names), "counts": [list(row) for row in counts]})


def spread(
    values: Sequence[float], *, floor: float | None = None, ceiling: float | None = None
) -> tuple[float, float]:
    """Return the ends of an axis that holds all values."""
    low = floor if floor is not None else min(values, default=0.0)
    high = ceiling if ceiling is not None else max(values, default=1.0)
    return (low, high) if high > low else (low, low + 1)


def _frame(title: str, x: Axis, y: Axis) -> Drawing:
    """The title, the axes with their ticks, and nothing between them."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    drawing = Drawing(title, WIDTH, HEIGHT, [Words((4, 14), title, bold=True)])
    for tick in y.ticks():
        place = y.place(tick, bottom, TOP)
        drawing.shapes += [
            Line([(LEFT, place), (right, place)], LINE),
            Words((LEFT - 6, place + 4), f"{tick:.4g}", "end"),
        ]
    drawing.shapes += [
        Words((x.place(tick, LEFT, right), bottom + 16), f"{tick:.4g}", "middle") for tick in x.ticks()
    ]
    drawing.shapes += [
        Line([(LEFT, bottom), (right, bottom)], DIM),
        Words(((LEFT + right) / 2, HEIGHT - 8), x.title, "middle", DIM),
        Words((12, (TOP + bottom) / 2), y.title, "middle", DIM, upright=True),
    ]
    return drawing


def _places(points: Points, x: Axis, y: Axis) -> list[tuple[float, float]]:
    """Points in pixels, those beyond the vertical axis at its ends."""
    return [
        (x.place(a, LEFT, WIDTH - RIGHT), y.place(min(max(b, y.low), y.high), HEIGHT - BOTTOM, TOP))
        for a, b in points
    ]


def _look(number: int, *, dashed: bool = True) -> tuple[str, str]:
    """Colour and dashes of a line."""
    return COLOURS[number % len(COLOURS)], DASHES[number // 2 % len(DASHES)] if dashed else ""


def _legend(names: Sequence[str], *, dashed: bool) -> str:
    looks = [_look(number, dashed=dashed) for number in range(len(names))]
    entries = "".join(
        f'<span><svg width="26" height="10" style="display:inline"><line x1="0" x2="26" y1="5" y2="5" '
        f'stroke="{colour}" stroke-width="2.5" stroke-dasharray="{dash}"/></svg> {text(name)}</span> '
        for name, (colour, dash) in zip(names, looks, strict=True)
    )
    return f'<div class="row dim" style="gap:.2rem 1rem;font-size:.85rem;max-width:{WIDTH}px">{entries}</div>'
