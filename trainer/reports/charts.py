"""Charts as SVG, drawn by hand so that a report needs no plotting library and no script."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.reports.page import text

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f", "#b3a500")
"""Of Okabe and Ito, which people who see fewer colours can tell apart; lines also differ by their dashes."""
DASHES = ("", "6 3", "2 3", "8 3 2 3")
WIDTH, HEIGHT = 460, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 26, 42
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """Where values go: `low` and `high` are its ends, `logarithmic` for a scale of powers of ten."""

    title: str
    low: float
    high: float
    logarithmic: bool = False

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
        first = math.ceil(self.low / step - 1e-9)
        return [step * n for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def line_chart(
    title: str,
    lines: Mapping[str, Points],
    x: Axis,
    y: Axis,
    *,
    mark: float | None = None,
    diagonal: bool = False,
) -> str:
    """Return lines over two axes with a legend.

    Args:
        title: Above the chart.
        lines: Name → points in the order in which they are joined.
        x: Horizontal axis.
        y: Vertical axis.
        mark: Where on the horizontal axis a vertical line stands.
        diagonal: Draw the line x = y.
    """
    parts = [_frame(title, x, y)]
    if diagonal:
        parts.append(_path([(x.low, x.low), (x.high, x.high)], x, y, "var(--dim)", "3 3"))
    if mark is not None:
        parts.append(_path([(mark, y.low), (mark, y.high)], x, y, "var(--dim)", "4 2"))
    for number, (name, points) in enumerate(lines.items()):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number // 2 % len(DASHES)]
        parts.append(_path(points, x, y, colour, dash))
        parts += [
            f'<circle cx="{x.place(a, LEFT, WIDTH - RIGHT):.1f}" cy="{y.place(b, HEIGHT - BOTTOM, TOP):.1f}" '
            f'r="2.2" fill="{colour}"><title>{text(name)}: {b:.4g}</title></circle>'
            for a, b in points
            if len(points) <= 60
        ]
    return _svg(title, "".join(parts), HEIGHT) + _legend(list(lines))


def bar_chart(title: str, bars: Mapping[str, float], *, most: float | None = None) -> str:
    """Return horizontal bars, each with its name and value."""
    most = most or max(bars.values(), default=1.0) or 1.0
    rows = []
    for number, (name, value) in enumerate(bars.items()):
        y = 26 + 22 * number
        width = max(0.0, value / most) * (WIDTH - 210)
        words = f"{value:.3f}" if most <= 1 else f"{value:,.0f}"
        rows.append(
            f'<text x="132" y="{y + 13}" text-anchor="end">{text(name[:20])}</text>'
            f'<rect x="140" y="{y}" width="{width:.1f}" height="17" fill="{COLOURS[0]}"/>'
            f'<text x="{146 + width:.1f}" y="{y + 13}">{words}</text>'
        )
    return _svg(
        title,
        f'<text x="4" y="14" font-weight="600">{text(title)}</text>' + "".join(rows),
        32 + 22 * len(bars),
    )


def confusion_matrix(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Return a table whose cells are coloured by their share of the row: row the right class, column the answer."""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in names)
    rows = []
    for name, row in zip(names, counts, strict=True):
        total = sum(row)
        cells = "".join(
            f'<td style="background: rgba(0, 114, 178, {0.65 * n / total if total else 0:.2f})">{n}</td>'
            for n in row
        )
        rows.append(f'<tr><th scope="row">{text(name)}</th>{cells}</tr>')
    corner = '<th scope="col" class="dim">is ↓ answered →</th>'
    return (
        f'<div class="scroll"><table class="matrix"><thead><tr>{corner}{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def spread(
    values: Sequence[float], *, floor: float | None = None, ceiling: float | None = None
) -> tuple[float, float]:
    """Return the ends of an axis that holds all values."""
    low = floor if floor is not None else min(values, default=0.0)
    high = ceiling if ceiling is not None else max(values, default=1.0)
    return (low, high) if high > low else (low, low + 1)


def _frame(title: str, x: Axis, y: Axis) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [f'<text x="4" y="14" font-weight="600">{text(title)}</text>']
    for tick in y.ticks():
        place = y.place(tick, bottom, TOP)
        parts.append(
            f'<line x1="{LEFT}" x2="{right}" y1="{place:.1f}" y2="{place:.1f}" stroke="var(--line)"/>'
            f'<text x="{LEFT - 6}" y="{place + 4:.1f}" text-anchor="end">{tick:.4g}</text>'
        )
    for tick in x.ticks():
        place = x.place(tick, LEFT, right)
        parts.append(f'<text x="{place:.1f}" y="{bottom + 16}" text-anchor="middle">{tick:.4g}</text>')
    parts.append(
        f'<line x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}" stroke="var(--dim)"/>'
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle" fill="var(--dim)">{text(x.title)}</text>'
        f'<text transform="rotate(-90)" x="{-(TOP + bottom) / 2}" y="12" text-anchor="middle" fill="var(--dim)">'
        f"{text(y.title)}</text>"
    )
    return "".join(parts)


def _path(points: Points, x: Axis, y: Axis, colour: str, dash: str) -> str:
    steps = " ".join(
        f"{x.place(a, LEFT, WIDTH - RIGHT):.1f},{y.place(min(max(b, y.low), y.high), HEIGHT - BOTTOM, TOP):.1f}"
        for a, b in points
    )
    return f'<polyline points="{steps}" fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{dash}"/>'


def _legend(names: Sequence[str]) -> str:
    entries = "".join(
        f'<span><svg width="26" height="10" style="display:inline"><line x1="0" x2="26" y1="5" y2="5" '
        f'stroke="{COLOURS[n % len(COLOURS)]}" stroke-width="2.5" stroke-dasharray="{DASHES[n // 2 % len(DASHES)]}"/></svg> '
        f"{text(name)}</span> "
        for n, name in enumerate(names)
    )
    return f'<div class="row dim" style="gap:.2rem 1rem;font-size:.85rem;max-width:{WIDTH}px">{entries}</div>'


def _svg(title: str, content: str, height: int) -> str:
    return (
        f'<svg role="img" aria-label="{text(title)}" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="system-ui, sans-serif" font-size="11.5" fill="var(--text)">{content}</svg>'
    )
