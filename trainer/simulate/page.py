"""A simulation as one page: a table of all strategies, and learning curves with intervals."""

import math
from typing import Any

from trainer.reports.canvas import Chart
from trainer.reports.charts import Axis, Band, band_chart
from trainer.reports.colours import SERIES
from trainer.reports.render import render

HEADER = (
    "strategy", "area", "labels to 90 %", "labels to 95 %", "times fewer to 95 %", "worst seed", "s/model",
)  # fmt: skip
LABEL_DISTANCE = 0.09
"""Least distance between two labelled budgets, as a fraction of the logarithmic axis."""


def page(summary: dict[str, Any]) -> str:
    """Return the page of a summary (`trainer.simulate.run`)."""
    strategies = summary["strategies"]
    names = ["macro", *sorted({n for s in strategies.values() for n in s["curves"]} - {"macro"})]
    charts = [chart for name in names if (chart := _curves(name, strategies))]
    return render(
        "simulation.html.j2",
        plan=summary["plan"],
        plan_hash=summary["plan_hash"],
        snapshot=summary["snapshot"],
        baseline=summary["baseline"],
        header=HEADER,
        strategies=[
            (SERIES[number % len(SERIES)], name, _cells(metrics, summary["against_baseline"].get(name)))
            for number, (name, metrics) in enumerate(strategies.items())
        ],
        charts=charts,
    )


def _cells(metrics: dict[str, Any], against: dict[str, Any] | None) -> list[str]:
    low, high = metrics["area_interval"]
    return [
        f"{metrics['area']:.3f} ({low:.3f}–{high:.3f})",
        *(_count(metrics["labels"][share]) for share in ("90%", "95%")),
        _times(against["times_fewer"]["95%"]["macro"]) if against else "1",
        f"{metrics['worst_seed']:.3f}",
        f"{metrics['seconds_per_model']:.2f}",
    ]


def _count(labels: dict[str, Any]) -> str:
    never = f" ({labels['censored']} never)" if labels["censored"] else ""
    return ("–" if labels["median"] is None else f"{labels['median']:.0f}") + never


def _times(saved: dict[str, Any]) -> str:
    if saved["ratio"] is None:
        return "–"
    low, high = saved["interval"]
    return f"{saved['ratio']:.2f} ({low:.2f}–{high:.2f})"


def _curves(name: str, strategies: dict[str, Any]) -> Chart | None:
    """The learning curves of an attribute or of the mean over attributes; None if nothing was measured."""
    measured = {
        strategy: [
            (budget, point)
            for budget, point in zip(metrics["budgets"], metrics["curves"][name], strict=False)
            if point["mean"] is not None
        ]
        for strategy, metrics in strategies.items()
        if name in metrics["curves"]
    }
    ends = [end for curve in measured.values() for _, point in curve for end in point["interval"]]
    if not ends:
        return None
    low, high = math.floor(min(ends) * 20) / 20, math.ceil(max(ends) * 20) / 20
    budgets = sorted({budget for curve in measured.values() for budget, _ in curve})
    levels = {s: metrics["full"] for s, metrics in strategies.items() if low <= metrics["full"] <= high}
    bands = {
        strategy: Band(
            [budget for budget, _ in curve],
            [point["interval"][0] for _, point in curve],
            [point["interval"][1] for _, point in curve],
        )
        for strategy, curve in measured.items()
    }
    x = Axis("images bought", budgets[0], budgets[-1], logarithmic=True, ticks=_labelled(budgets))
    return band_chart(
        name,
        {strategy: [(b, point["mean"]) for b, point in curve] for strategy, curve in measured.items()},
        bands,
        levels if name == "macro" else {},
        x,
        Axis("balanced accuracy", low, high),
    )


def _labelled(budgets: list[int]) -> list[int]:
    """The last budget, and those before it that are far enough apart for a label."""
    whole = math.log(budgets[-1] / budgets[0]) or 1.0
    labelled = [budgets[-1]]
    for budget in reversed(budgets):
        if math.log(labelled[-1] / budget) / whole >= LABEL_DISTANCE:
            labelled.append(budget)
    return labelled[::-1]
