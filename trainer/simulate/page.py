"""A simulation as one self-contained page: curves with intervals, and a table of all strategies. No script."""

import math
from html import escape
from typing import Any

COLOURS = ("#666666", "#1f5fbf", "#b35900", "#1d6b37", "#8a2be2", "#a8201a", "#00798c", "#6b4f2a", "#d1495b")
WIDTH, HEIGHT, PAD = 520, 300, 46

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #16191d; background: #fff }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .3rem .8rem; border-bottom: 1px solid #d3d8de; text-align: right }
th:first-child, td:first-child { text-align: left } figure { display: inline-block; margin: 0 1rem 1rem 0 } figcaption { font-weight: 600 }
svg { background: #fff } .muted { color: #555e69 } .key { display: inline-block; width: 1.6em; height: .35em; vertical-align: middle; margin-right: .4em }
"""


def page(summary: dict[str, Any]) -> str:
    """The page of a summary (`trainer.simulate.run`)."""
    plan, strategies = summary["plan"], summary["strategies"]
    colours = dict(zip(strategies, COLOURS * (1 + len(strategies) // len(COLOURS)), strict=False))
    names = ["macro", *sorted({n for s in strategies.values() for n in s["curves"]} - {"macro"})]
    figures = "".join(_figure(name, strategies, colours) for name in names)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Simulation</title><style>{_STYLE}</style>'
        f"<h1>Simulation of {len(strategies)} strategies, {plan['seeds']} seeds each</h1>"
        f'<p class="muted">Plan {summary["plan_hash"][:16]}, snapshot {summary["snapshot"][:16]}, stress: '
        f"{escape(plan['stress'])}. Balanced accuracy on people of whom no image was bought, against images bought. "
        f"Bands: 95 % over seeds; dashed: all images bought. Baseline: {escape(summary['baseline'])}.</p>"
        f"{_table(summary, colours)}{figures}</html>\n"
    )


def _table(summary: dict[str, Any], colours: dict[str, str]) -> str:
    head = "".join(
        f"<th>{text}</th>"
        for text in (
            "strategy",
            "area",
            "labels to 90 %",
            "labels to 95 %",
            "times fewer to 95 %",
            "worst seed",
            "s/model",
        )
    )
    rows = ""
    for name, figures in summary["strategies"].items():
        against = summary["against_baseline"].get(name)
        cells = [
            f'<span class="key" style="background:{colours[name]}"></span>{escape(name)}',
            _with_interval(figures["area"], figures["area_interval"]),
            *(_count(figures["labels"][share]) for share in ("90%", "95%")),
            _times(against["times_fewer"]["95%"]["macro"]) if against else "1",
            f"{figures['worst_seed']:.3f}",
            f"{figures['seconds_per_model']:.2f}",
        ]
        rows += "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _with_interval(value: float, ends: list[float]) -> str:
    return f"{value:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"


def _count(labels: dict[str, Any]) -> str:
    never = f" ({labels['censored']} never)" if labels["censored"] else ""
    return ("–" if labels["median"] is None else f"{labels['median']:.0f}") + never


def _times(saved: dict[str, Any]) -> str:
    return (
        "–"
        if saved["ratio"] is None
        else f"{saved['ratio']:.2f} [{saved['interval'][0]:.2f}, {saved['interval'][1]:.2f}]"
    )


def _figure(name: str, strategies: dict[str, Any], colours: dict[str, str]) -> str:
    points = {
        s: list(zip(f["budgets"], f["curves"][name], strict=False))
        for s, f in strategies.items()
        if name in f["curves"]
    }
    ends = [e for curve in points.values() for _, p in curve for e in p["interval"] or ()]
    if not ends:
        return ""
    low, high = math.floor(min(ends) * 20) / 20, math.ceil(max(ends) * 20) / 20
    budgets = sorted({b for curve in points.values() for b, _ in curve})

    def x(bought: float) -> float:
        return PAD + (WIDTH - 2 * PAD) * (
            math.log(bought / budgets[0]) / max(math.log(budgets[-1] / budgets[0]), 1e-9)
        )

    def y(value: float) -> float:
        return float(HEIGHT - PAD - (HEIGHT - 2 * PAD) * (value - low) / max(high - low, 1e-9))

    parts = []
    for step in range(round(low * 20), round(high * 20) + 1):
        parts.append(
            f'<line x1="{PAD}" x2="{WIDTH - PAD}" y1="{y(step / 20):.1f}" y2="{y(step / 20):.1f}" stroke="#e3e6ea"/>'
        )
        parts.append(
            f'<text x="{PAD - 6}" y="{y(step / 20) + 4:.1f}" text-anchor="end" font-size="11">{step / 20:.2f}</text>'
        )
    parts += [
        f'<text x="{x(b):.1f}" y="{HEIGHT - PAD + 16}" text-anchor="middle" font-size="11">{b}</text>'
        for b in budgets
        if b in {budgets[0], 100, 200, 400, 800, budgets[-1]}
    ]
    for strategy, curve in points.items():
        known = [(b, p) for b, p in curve if p["mean"] is not None]
        upper = [f"{x(b):.1f},{y(p['interval'][1]):.1f}" for b, p in known]
        lower = [f"{x(b):.1f},{y(p['interval'][0]):.1f}" for b, p in reversed(known)]
        line = " ".join(f"{x(b):.1f},{y(p['mean']):.1f}" for b, p in known)
        parts.append(
            f'<polygon points="{" ".join(upper + lower)}" fill="{colours[strategy]}" opacity=".13"/>'
        )
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colours[strategy]}" stroke-width="2"/>')
        if name == "macro" and low <= strategies[strategy]["full"] <= high:
            full = y(strategies[strategy]["full"])
            parts.append(
                f'<line x1="{PAD}" x2="{WIDTH - PAD}" y1="{full:.1f}" y2="{full:.1f}" stroke="{colours[strategy]}" stroke-dasharray="5 4"/>'
            )
    drawing = f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(name)}">{"".join(parts)}</svg>'
    return f"<figure><figcaption>{escape(name)}</figcaption>{drawing}</figure>"
