"""Charts and pages: colours that everybody can tell apart, the same bytes every time, several charts on one page."""

import io
import re
import subprocess
import sys
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from trainer.reports.charts import (
    Axis,
    Band,
    band_chart,
    bar_chart,
    line_chart,
    matrix_chart,
    spread,
    stacked_chart,
)
from trainer.reports.colours import COLOURS, SERIES
from trainer.reports.render import render

CONES = {
    "all": np.eye(3),
    "no long": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no medium": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "no short": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}  # fmt: skip
"""Machado, Oliveira and Fernandes, 2009, severity 1: what a linear RGB colour becomes for people without a kind of cone."""
XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]])  # fmt: skip


def linear(colour):
    channels = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    dark, light = sorted(float(XYZ[1] @ linear(colour)) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(colour, cones):
    seen = XYZ @ np.clip(np.array(CONES[cones]) @ linear(colour), 0, 1) / (0.95047, 1, 1.08883)
    x, y, z = np.where(seen > 0.008856, np.cbrt(seen), 7.787 * seen + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def curves(names, points=12):
    random = np.random.default_rng(0)
    return {name: [(x, float(random.random())) for x in range(1, points + 1)] for name in names}


def drawn_charts():
    x, y = Axis("epoch", 1, 12, whole=True), Axis("loss", 0, 1)
    names = ["<b> & $x^2$", "顔", "a name that is far too long for a chart"]
    lines = curves(names)
    bands = {name: Band([x for x, _ in line], [v - 0.1 for _, v in line], [v + 0.1 for _, v in line]) for name, line in lines.items()}  # fmt: skip
    return [
        line_chart("lines", lines, x, y, mark=3, diagonal=True, background=[(1, 2, 0.4)]),
        line_chart("no lines", {}, x, y),
        band_chart("bands", lines, bands, {"顔": 0.5}, x, y),
        bar_chart("bars", dict.fromkeys(names, 0.3), most=1.0),
        bar_chart("no bars", {}),
        stacked_chart("stacks", ["train", "val"], {name: [3, 4] for name in names}),
        matrix_chart("matrix", names, [[1, 2, 3], [0, 0, 0], [4, 5, 6]]),
    ]


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_text_and_lines_stand_out_from_the_page(mode):
    colours = {name: pair[mode] for name, pair in COLOURS.items()}
    for name, least in ({"text": 7, "dim": 4.5} | dict.fromkeys(SERIES, 3)).items():
        assert contrast(colours[name], colours["page"]) >= least, name


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("cones", CONES)
def test_people_who_lack_a_kind_of_cone_tell_all_series_apart(mode, cones):
    series = [COLOURS[name][mode] for name in SERIES]
    for one, other in combinations(series, 2):
        assert np.linalg.norm(lab(one, cones) - lab(other, cones)) >= 14, (one, other)


def test_a_chart_is_the_same_bytes_whatever_the_settings_of_a_person():
    first = [(chart.svg("a"), chart.png()) for chart in drawn_charts()]
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.fonttype": "path"}):
        second = [(chart.svg("a"), chart.png()) for chart in drawn_charts()]
    assert first == second


def test_charts_of_one_page_share_no_identifier_and_no_style_and_follow_its_colours():
    svg = "".join(chart.svg(f"chart-{number}") for number, chart in enumerate(drawn_charts()))
    identifiers = re.findall(r'\bid="([^"]*)"', svg)
    assert len(identifiers) == len(set(identifiers)) > 0
    referred = re.findall(r'(?:href="#|url\(#)([^")]*)', svg)
    assert set(referred) == set(identifiers)
    assert "<style" not in svg
    assert "<metadata" not in svg
    assert "http" not in svg
    assert "var(--series-2)" in svg
    assert not re.findall(r"#[0-9a-f]{6}", svg), "a colour that does not change in the dark"
    assert "DejaVu" not in svg


def test_names_stand_in_a_chart_as_they_are_or_shortened():
    svg = "".join(chart.svg("a") for chart in drawn_charts())
    assert "&lt;b&gt; &amp; $x^2$" in svg
    assert "顔" in svg
    assert "a name that is far …" in svg


def test_epochs_are_whole_on_an_axis():
    def labels(axis):
        return re.findall(r">([\d.]+)</text>", line_chart("", {}, axis, Axis("loss", 5, 5.5)).svg("a"))

    assert labels(Axis("epoch", 1, 4, whole=True))[:4] == ["1", "2", "3", "4"]
    assert "1.5" in labels(Axis("share", 1, 4))
    assert labels(Axis("rate", 1e-4, 1, logarithmic=True))[-1] == "5.5"
    assert "10⁻⁴" in line_chart("", {}, Axis("rate", 1e-4, 1, logarithmic=True), Axis("y", 0, 1)).svg("a")


def test_a_point_tells_its_value_under_the_pointer_and_values_beyond_the_axis_are_at_its_end():
    chart = line_chart("loss", {"val": [(1, 0.5), (2, 9.0)]}, Axis("epoch", 1, 2), Axis("loss", 0, 1))
    svg = chart.svg("a")
    assert re.findall(r"<title>(.*?)</title>", svg) == ["val: 0.5", "val: 9"]
    assert chart.values["lines"] == {"val": [[1, 0.5], [2, 9.0]]}
    heights = [float(y) for y in re.findall(r'<use [^>]*y="([\d.]+)"', svg)]
    assert min(heights) == pytest.approx(30, abs=0.1), "the upper end of the axes"


def test_a_png_is_twice_as_large_as_the_chart_on_a_page():
    chart = line_chart("loss", curves(["train"]), Axis("epoch", 1, 12), Axis("loss", 0, 1))
    with Image.open(io.BytesIO(chart.png())) as picture:
        assert picture.width == 2 * (384 + 2 * 8)
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("values", "ends", "expected"),
    [
        ([1.0, 3.0], {}, (1.0, 3.0)),
        ([], {}, (0.0, 1.0)),
        ([2.0], {}, (2.0, 3.0)),
        ([5.0], {"floor": 0}, (0, 5.0)),
        ([0.2], {"floor": 0, "ceiling": 1}, (0, 1)),
    ],
)
def test_an_axis_holds_all_values(values, ends, expected):
    assert spread(values, **ends) == expected


def test_a_page_escapes_what_it_is_told():
    html = render("comparison.html.j2", titles=["<i>"], words=1, lines=[[("<b>", '"x')]])
    assert "<i>" not in html
    assert "<b>" not in html
    assert 'data-key="&#34;x"' in html


def test_matplotlib_is_loaded_when_the_first_chart_is_drawn():
    code = (
        "import sys, trainer.reports.comparison, trainer.reports.headline_metrics\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from trainer.reports.charts import bar_chart\n"
        "bar_chart('a', {'b': 1.0}).png()\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
