"""The kinds of charts: lines over two axes, bars, stacked bars, a confusion matrix."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer.reports.canvas import (
    BOTTOM,
    FONT_SIZE,
    MARKERS,
    TITLE,
    WIDTH,
    Chart,
    add_axes,
    add_legend,
    legend_height,
    new_figure,
    plain_style,
    series_colour,
    series_dash,
    shortened,
)
from trainer.reports.colours import ON_PAPER
from trainer.reports.svg import AREA

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, RIGHT, PLOT_HEIGHT = 62, 12, 172
BAR, BAR_STEP, BAR_LEFT, BAR_RIGHT = 15, 22, 140, 66
MOST_MARKERS = 60
"""A line with more points than this has no markers."""
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Curve = Sequence[tuple[float, float]]
"""Points (x, y) in the order in which they are joined."""


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`: `logarithmic`, or `whole` for things that are counted, or with `ticks` at given values."""

    title: str
    low: float
    high: float
    logarithmic: bool = False
    whole: bool = False
    ticks: Sequence[float] = ()


@dataclass(frozen=True)
class Band:
    """The 95 % interval around a line: `low` and `high` at each `x`."""

    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def line_chart(
    title: str,
    lines: Mapping[str, Curve],
    x: Axis,
    y: Axis,
    *,
    mark: float | None = None,
    diagonal: bool = False,
    background: Sequence[tuple[float, float, float]] = (),
    views: Sequence[str] = (),
) -> Chart:
    """Return lines over two axes with a legend below. Values beyond the vertical axis are drawn at its ends.

    Args:
        title: Above the chart.
        lines: Name → curve.
        x: Horizontal axis.
        y: Vertical axis.
        mark: Where a dashed vertical line stands.
        diagonal: Draw the line x = y.
        background: (left end, right end, height) of faint bars behind the lines.
        views: For each of these bars, the query of its images.
    """
    with plain_style():
        figure, axes = _frame(title, list(lines), x, y, WIDTH, PLOT_HEIGHT)
        for number, (low, high, height) in enumerate(background):
            (bar,) = axes.bar(
                (low + high) / 2, height, 0.94 * (high - low), color=ON_PAPER["dim"], alpha=0.28
            )
            bar.set_gid(f"background-{number}")
        guide: dict[str, Any] = {"color": ON_PAPER["dim"], "linewidth": 1.5}
        if diagonal:
            axes.plot([x.low, x.high], [x.low, x.high], linestyle=(0, (2, 2)), **guide)
        if mark is not None:
            axes.plot([mark, mark], [y.low, y.high], linestyle=(0, (4, 2)), **guide)
        handles, tips = [], {}
        for number, (name, curve) in enumerate(lines.items()):
            few = len(curve) <= MOST_MARKERS
            look: dict[str, Any] = {"linestyle": series_dash(number), "marker": "o" if few else ""}
            handles += [_line(axes, curve, y, number, **look)]
            tips[f"series-{number}"] = [f"{name}: {value:.4g}" for _, value in curve] if few else []
        if lines:
            add_legend(figure, handles, list(lines), LEFT)
    values = {"lines": {name: [list(point) for point in curve] for name, curve in lines.items()}}
    numbered = {f"background-{number}": view for number, view in enumerate(views)}
    return Chart(title, figure, {"title": title, "x": x.title, "y": y.title, **values}, tips, numbered)


def band_chart(
    title: str,
    lines: Mapping[str, Curve],
    bands: Mapping[str, Band],
    levels: Mapping[str, float],
    x: Axis,
    y: Axis,
    *,
    width: int = 590,
) -> Chart:
    """Return lines with their intervals, and for some of them a dotted level to reach.

    Args:
        title: Above the chart.
        lines: Name → curve; colour and marker follow the order.
        bands: Name → interval.
        levels: Name → height of the dotted line.
        x: Horizontal axis.
        y: Vertical axis.
        width: Pixels on the page.
    """
    with plain_style():
        figure, axes = _frame(title, list(lines), x, y, width, 240)
        handles, tips = [], {}
        for number, (name, curve) in enumerate(lines.items()):
            if name in bands:
                band = bands[name]
                axes.fill_between(
                    band.x, band.low, band.high, color=series_colour(number), alpha=0.14, linewidth=0
                )
            if name in levels:
                axes.axhline(
                    levels[name], color=series_colour(number), linewidth=1.4, linestyle=(0, (1, 2.5))
                )
            handles += [_line(axes, curve, y, number, marker=MARKERS[number % len(MARKERS)], markersize=6)]
            tips[f"series-{number}"] = [f"{name}, {place:g}: {value:.4g}" for place, value in curve]
        add_legend(figure, handles, list(lines), LEFT)
    values = {"lines": {name: [list(point) for point in curve] for name, curve in lines.items()}}
    return Chart(title, figure, {"title": title, "x": x.title, "y": y.title, **values}, tips)


def bar_chart(title: str, bars: Mapping[str, float], *, most: float | None = None) -> Chart:
    """Return horizontal bars, each with its name and value. A bar of the length `most` fills the width."""
    most = most or max(bars.values(), default=1.0) or 1.0
    with plain_style():
        figure, axes = _bar_frame(title, list(bars), most, ())
        for row, value in enumerate(bars.values()):
            axes.barh(row, max(0.0, value), BAR / BAR_STEP, color=series_colour(0))
            _value(axes, row, max(0.0, value), f"{value:.3f}" if most <= 1 else f"{value:,.0f}")
    return Chart(title, figure, {"title": title, "bars": dict(bars)})


def stacked_chart(
    title: str,
    parts: Sequence[str],
    bars: Mapping[str, Sequence[int]],
    views: Mapping[tuple[int, int], str] | None = None,
) -> Chart:
    """Return horizontal bars of counts, each made of the same parts, with its sum.

    Args:
        title: Above the chart.
        parts: Names of the parts.
        bars: Name → its counts.
        views: Number of a bar and of its part → query of its images.
    """
    most = max((sum(counts) for counts in bars.values()), default=0) or 1
    with plain_style():
        figure, axes = _bar_frame(title, list(bars), most, parts)
        tips = {}
        handles: list[Any] = [None] * len(parts)
        for row, counts in enumerate(bars.values()):
            left = 0
            for part, count in enumerate(counts):
                (bar,) = axes.barh(row, count, BAR / BAR_STEP, left=left, color=series_colour(part))
                bar.set_gid(f"bar-{row}-{part}")
                tips[f"bar-{row}-{part}"] = [f"{parts[part]}: {count:,}"]
                handles[part] = bar
                left += count
            _value(axes, row, left, f"{left:,}")
        if bars:
            add_legend(figure, handles, parts, BAR_LEFT)
    values = {name: dict(zip(parts, counts, strict=True)) for name, counts in bars.items()}
    named = {f"bar-{row}-{part}": view for (row, part), view in (views or {}).items()}
    return Chart(title, figure, {"title": title, "bars": values}, tips, named)


def matrix_chart(
    title: str,
    names: Sequence[str],
    counts: Sequence[Sequence[int]],
    views: Sequence[Sequence[str]] = (),
) -> Chart:
    """Return a confusion matrix: row the true class, column the predicted one, colour the fraction of the row.

    Args:
        title: Above the chart.
        names: Of the classes.
        counts: Images of each cell, row by row.
        views: For each cell, the query of its images.
    """
    side, step, left = max(46, 252 // max(1, len(names))), 26, 118
    upright = any(len(name) > side // 7 for name in names)
    top = TITLE + 22 + (8 + 7 * min(18, max(map(len, names), default=0)) if upright else 18)
    width = max(WIDTH - 14, left + side * len(names) + 2)
    with plain_style():
        figure = new_figure(title, width, top + step * len(names) + 6)
        axes = add_axes(figure, left, top, side * len(names), step * len(names))
        axes.set(xlim=(0, len(names)), ylim=(len(names), 0), xticks=[], yticks=[])
        axes.spines["bottom"].set_visible(False)
        words = "rows: true value; columns: predicted value"
        figure.text(0, 1 - 32 / (top + step * len(names) + 6), words, color=ON_PAPER["dim"])
        for row, (name, line) in enumerate(zip(names, counts, strict=True)):
            axes.text(-6 / side, row + 0.5, shortened(name, 16), ha="right", va="center")
            rotation = 90 if upright else 0
            axes.text(row + 0.5, -0.2, shortened(name, 18), ha="center", va="bottom", rotation=rotation)
            for column, count in enumerate(line):
                _cell(axes, row, column, count, sum(line), gap=(2 / side, 2 / step))
    values = {"title": title, "names": list(names), "counts": [list(row) for row in counts]}
    cells = [
        (f"cell-{row}-{column}", view) for row, line in enumerate(views) for column, view in enumerate(line)
    ]
    return Chart(
        title, figure, values, views={f"{name}{end}": view for name, view in cells for end in ("", AREA)}
    )


def spread(
    values: Sequence[float], *, floor: float | None = None, ceiling: float | None = None
) -> tuple[float, float]:
    """Return the ends of an axis that holds all values."""
    low = floor if floor is not None else min(values, default=0.0)
    high = ceiling if ceiling is not None else max(values, default=1.0)
    return (low, high) if high > low else (low, low + 1)


def _frame(
    title: str, names: Sequence[str], x: Axis, y: Axis, width: int, height: int
) -> "tuple[Figure, Axes]":
    """The title, room for a legend, and axes with ticks and nothing between them."""
    figure = new_figure(title, width, TITLE + height + BOTTOM + legend_height(names, width - LEFT))
    axes = add_axes(figure, LEFT, TITLE, width - LEFT - RIGHT, height)
    axes.set_axisbelow(True)
    axes.grid(axis="y")
    _scale(axes, x, "x")
    _scale(axes, y, "y")
    axes.set_xlabel(x.title, labelpad=4)
    figure.text(
        9 / width, axes.get_position().y0 + axes.get_position().height / 2, y.title,
        rotation=90, ha="center", va="center", color=ON_PAPER["dim"],
    )  # fmt: skip
    return figure, axes


def _scale(axes: "Axes", axis: Axis, which: str) -> None:
    from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator, ScalarFormatter  # noqa: PLC0415

    ticks = axes.xaxis if which == "x" else axes.yaxis
    if axis.logarithmic:
        axes.set(**{f"{which}scale": "log"})
        ticks.set_major_locator(LogLocator(numticks=7))
        ticks.set_minor_locator(NullLocator())
        ticks.set_major_formatter(lambda value, _: _power(value))
    else:
        ticks.set_major_locator(MaxNLocator(6, integer=axis.whole, steps=[1, 2, 5, 10]))
        ticks.set_major_formatter(ScalarFormatter(useOffset=False))
    if axis.ticks:
        ticks.set_major_locator(FixedLocator(list(axis.ticks)))
    axes.set(**{f"{which}lim": (axis.low, axis.high)})


def _power(value: float) -> str:
    """A power of ten such as 10⁻³; those near to one as plain numbers."""
    if 0.01 <= value < 10_000:
        return f"{value:,g}"
    return f"10{str(round(math.log10(value))).translate(SUPERSCRIPTS)}"


def _line(axes: "Axes", curve: Curve, y: Axis, number: int, **look: Any) -> Any:
    """Draw a line, with values beyond the vertical axis at its ends."""
    heights = [min(max(value, y.low), y.high) for _, value in curve]
    (line,) = axes.plot(
        [place for place, _ in curve],
        heights,
        color=series_colour(number),
        linewidth=1.8,
        markeredgewidth=0,
        clip_on=False,
        gid=f"series-{number}",
        **{"markersize": 4.5} | look,
    )
    return line


def _bar_frame(title: str, names: Sequence[str], most: float, legend: Sequence[str]) -> "tuple[Figure, Axes]":
    """The title, the names of the bars at the left, and room for values at the right and a legend below."""
    rows = max(1, len(names))
    legend_room = legend_height(legend, WIDTH - BAR_LEFT) if names else 0
    figure = new_figure(title, WIDTH, TITLE + BAR_STEP * rows + 4 + legend_room)
    axes = add_axes(figure, BAR_LEFT, TITLE, WIDTH - BAR_LEFT - BAR_RIGHT, BAR_STEP * rows)
    axes.set(xlim=(0, most), ylim=(rows - 0.5, -0.5), xticks=[], yticks=[])
    axes.spines["bottom"].set_visible(False)
    for row, name in enumerate(names):
        axes.annotate(
            shortened(name, 20), (0, row), (-8, 0), textcoords="offset points", ha="right", va="center"
        )
    return figure, axes


def _value(axes: "Axes", row: int, end: float, words: str) -> None:
    axes.annotate(words, (end, row), (6, 0), textcoords="offset points", ha="left", va="center")


def _cell(axes: "Axes", row: int, column: int, count: int, total: int, *, gap: tuple[float, float]) -> None:
    """A cell of a matrix with its count."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    fraction = count / total if total else 0.0
    place, size = (column, row), (1 - gap[0], 1 - gap[1])
    look: dict[str, Any] = {
        "facecolor": series_colour(0),
        "edgecolor": "none",
        "alpha": 0.05 + 0.5 * fraction,
    }
    name = f"cell-{row}-{column}"
    axes.add_patch(Rectangle(place, *size, **look, gid=f"{name}{AREA}"))
    middle = column + size[0] / 2, row + size[1] / 2
    axes.text(*middle, f"{count:,}", ha="center", va="center", size=FONT_SIZE, gid=name)
