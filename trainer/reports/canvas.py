"""The sheet that charts are drawn on: Matplotlib's object interface, one style, sizes in pixels of a page.

Matplotlib is imported when the first chart is drawn, so that commands without charts start as fast as before.
"""

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from markupsafe import Markup
from PIL import Image

from trainer.reports.colours import ON_PAPER, SERIES
from trainer.reports.svg import inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 384
"""Width of most charts: three side by side fill a page."""
TITLE, BOTTOM, LEGEND_ROW = 30, 38, 17
"""Heights of the title above the axes, the axis labels below them, and a row of the legend."""
SCALE, MARGIN = 2, 8
"""Pixels of a PNG for each pixel on a page, and the white margin around a PNG in pixels of a page."""
FONT_SIZE = 11.5
DASHES = ("-", (0, (4, 2)), (0, (1.2, 1.4)), (0, (5, 1.6, 1.2, 1.6)))
MARKERS = "os^DvPXd"
STYLE = {
    "axes.edgecolor": ON_PAPER["dim"],
    "axes.labelcolor": ON_PAPER["dim"],
    "axes.labelsize": FONT_SIZE,
    "axes.linewidth": 1,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 72,
    "font.family": "DejaVu Sans",
    "font.size": FONT_SIZE,
    "grid.color": ON_PAPER["line"],
    "grid.linewidth": 1,
    "legend.fontsize": FONT_SIZE,
    "path.simplify": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "facelabel",
    "text.color": ON_PAPER["text"],
    "text.parse_math": False,
    "xtick.bottom": False,
    "xtick.labelcolor": ON_PAPER["text"],
    "xtick.labelsize": FONT_SIZE,
    "ytick.labelcolor": ON_PAPER["text"],
    "ytick.labelsize": FONT_SIZE,
    "ytick.left": False,
}
"""At 72 dots per inch a point is a pixel of a page. The salt makes the identifiers in an SVG the same every time."""


@dataclass
class Chart:
    """A chart: for a page as SVG, for a paper as PNG, for programs as plain values.

    Attributes:
        title: Above the chart.
        figure: What Matplotlib draws.
        values: What the chart shows.
        tips: Identifier of a shape → texts that are shown under the pointer.
        views: Identifier of a shape → query of the images that it stands for, in Browse (`image_view`). In the file itself
            nothing is a link, because it does not know where its project is served.
    """

    title: str
    figure: "Figure"
    values: dict[str, Any]
    tips: Mapping[str, Sequence[str]] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)

    def svg(self, name: str) -> Markup:
        """Return an SVG element in the colours of the page; every chart of a page needs another `name`."""
        source = self._save("svg", transparent=True, metadata={"Date": None}).decode()
        return inline_svg(source, name=name, title=self.title, tips=self.tips, views=self.views)

    def png(self) -> bytes:
        """Return a PNG file on white. It has no transparency, which some typesetting programs refuse."""
        area = self.figure.bbox_inches.padded(MARGIN / 72)
        drawn = self._save("png", dpi=72 * SCALE, facecolor="white", bbox_inches=area)
        stream = io.BytesIO()
        Image.open(io.BytesIO(drawn)).convert("RGB").save(stream, "PNG", optimize=True)
        return stream.getvalue()

    def _save(self, kind: str, **options: Any) -> bytes:
        stream = io.BytesIO()
        with plain_style():
            self.figure.savefig(stream, format=kind, **options)
        return stream.getvalue()


def image_view(attribute: str, **filters: object) -> str:
    """Return the query of *Browse* for the images of a shape; filters that are None are left out."""
    given = {name: value for name, value in filters.items() if value is not None}
    return urlencode({"attribute": attribute, "excluded": "without", **given})


@contextmanager
def plain_style() -> Iterator[None]:
    """Use the style of the reports and ignore the user's matplotlibrc."""
    import matplotlib.style  # noqa: PLC0415 - imported when a chart is drawn

    with matplotlib.style.context(["default", STYLE]), warnings.catch_warnings():
        # A browser shows letters that DejaVu Sans lacks in another font.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(title: str, width: float, height: float) -> "Figure":
    """Return an empty figure of a size in pixels, with its title in the upper left corner."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - imported when a chart is drawn

    figure = Figure(figsize=(width / 72, height / 72))
    figure.text(0, 1 - 15 / height, title, weight="bold", size=12.5)
    return figure


def add_axes(figure: "Figure", left: float, top: float, width: float, height: float) -> "Axes":
    """Add axes at a place in pixels from the upper left corner."""
    whole_width, whole_height = (72 * size for size in figure.get_size_inches())
    place = (
        left / whole_width,
        1 - (top + height) / whole_height,
        width / whole_width,
        height / whole_height,
    )
    return figure.add_axes(place)


def legend_columns(names: Sequence[str], width: float) -> int:
    """Return the number of columns of a legend, so that its rows are about equally full."""
    longest = max(map(len, names), default=0)
    most = max(1, int(width / (46 + 6.6 * longest)))
    rows = -(-len(names) // most)
    return -(-len(names) // max(1, rows))


def legend_height(names: Sequence[str], width: float) -> int:
    """Return the height of a legend below a chart in pixels, 0 without names."""
    rows = -(-len(names) // legend_columns(names, width)) if names else 0
    return LEGEND_ROW * rows + 4 * bool(rows)


def add_legend(figure: "Figure", handles: Sequence[Any], names: Sequence[str], left: float) -> None:
    """Add a legend at the lower edge, where `legend_height` has left room for it."""
    width, height = (72 * size for size in figure.get_size_inches())
    figure.legend(
        handles,
        names,
        loc="lower left",
        bbox_to_anchor=(left / width, 2 / height),
        ncols=legend_columns(names, width - left),
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=2.2,
        labelspacing=LEGEND_ROW / FONT_SIZE - 1,
    )


def series_colour(number: int) -> str:
    """Return the colour of a line or a part; after the last colour the first comes again."""
    return ON_PAPER[SERIES[number % len(SERIES)]]


def series_dash(number: int) -> Any:
    """Return the dashes of a line. Neighbours differ: both stay visible where they run over each other."""
    return DASHES[(number + number // len(SERIES)) % len(DASHES)]


def shortened(name: str, letters: int) -> str:
    """Return a name that is at most so many letters long, with an ellipsis if it was cut."""
    return name if len(name) <= letters else f"{name[: letters - 1]}…"
