"""A simulation as one page: a table of all strategies, and learning curves with intervals."""

import math
from collections.abc import Sequence
from typing import Any

from trainer.acquisition.pace import Pace
from trainer.reports.canvas import Chart
from trainer.reports.charts import Axis, Band, band_chart
from trainer.reports.colours import SERIES
from trainer.reports.render import render

HEADER = (
    "strategy", "area", "labels to 90 %", "labels to 95 %", "times fewer to 95 %", "minutes to 95 %", "times faster to 95 %",
    "minutes to the end", "times faster to the end", "worst seed", "s/model",
)  # fmt: skip
LABEL_DISTANCE = 0.09
"""Least distance between two labelled budgets, as a fraction of the logarithmic axis."""


def page(summary: dict[str, Any]) -> str:
    """Return the page of a summary (`trainer.simulate.run`)."""
    strategies = summary["strategies"]
    names = ["macro", *sorted({n for s in strategies.values() for n in s["curves"]} - {"macro"})]
    charts = [chart for name in names if (chart := _curves(name, strategies))]
    charts += [chart for chart in (_by_minutes(strategies),) if chart]
    return render(
        "simulation.html.j2",
        plan=summary["plan"],
        pace=Pace(**summary["plan"].get("pace", {})),
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
        _count(metrics["minutes"]["95%"], digits=1),
        _times(against["times_faster"]["95%"]["macro"]) if against else "1",
        f"{metrics['minutes_to_end']['mean']:.1f}",
        _times(against["times_faster_to_end"]) if against else "1",
        f"{metrics['worst_seed']:.3f}",
        f"{metrics['seconds_per_model']:.2f}",
    ]


def _count(cost: dict[str, Any], digits: int = 0) -> str:
    never = f" ({cost['censored']} never)" if cost["censored"] else ""
    return ("–" if cost["median"] is None else f"{cost['median']:.{digits}f}") + never


def _times(saved: dict[str, Any]) -> str:
    if saved["ratio"] is None:
        return "–"
    low, high = saved["interval"]
    return f"{saved['ratio']:.2f} ({low:.2f}–{high:.2f})"


def _curves(name: str, strategies: dict[str, Any]) -> Chart | None:
    """The learning curves of an attribute or of the mean over attributes; None if nothing was measured."""
    measured = _measured(name, strategies, "budgets")
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


def _by_minutes(strategies: dict[str, Any]) -> Chart | None:
    """The mean over attributes against the minutes of the person; None if nothing was measured."""
    measured = _measured("macro", strategies, "minutes_at")
    means = [point["mean"] for curve in measured.values() for _, point in curve]
    if not means:
        return None
    minutes = sorted({minute for curve in measured.values() for minute, _ in curve})
    whole = range(math.ceil(minutes[0]), math.floor(minutes[-1]) + 1)
    x = Axis(
        "minutes of the person",
        minutes[0],
        minutes[-1],
        logarithmic=True,
        ticks=_labelled([*whole] or minutes),
    )
    y = Axis("balanced accuracy", math.floor(min(means) * 20) / 20, math.ceil(max(means) * 20) / 20)
    return band_chart(
        "macro by minutes",
        {strategy: [(m, point["mean"]) for m, point in curve] for strategy, curve in measured.items()},
        {},
        {},
        x,
        y,
    )


def _measured(
    name: str, strategies: dict[str, Any], at: str
) -> dict[str, list[tuple[float, dict[str, Any]]]]:
    """Strategy → its curve's points with what each cost: `budgets` (images) or `minutes_at`."""
    return {
        strategy: [
            (cost, point)
            for cost, point in zip(metrics[at], metrics["curves"][name], strict=False)
            if point["mean"] is not None
        ]
        for strategy, metrics in strategies.items()
        if name in metrics["curves"]
    }


def _labelled(budgets: Sequence[float]) -> list[float]:
    """The last budget, and those before it that are far enough apart for a label."""
    whole = math.log(budgets[-1] / budgets[0]) or 1.0
    labelled = [budgets[-1]]
    for budget in reversed(budgets):
        if math.log(labelled[-1] / budget) / whole >= LABEL_DISTANCE:
            labelled.append(budget)
    return labelled[::-1]
