"""From curves to metrics: labels and minutes needed for a given accuracy, and savings against the baseline.

Intervals are 95 % percentile intervals of 2,000 bootstrap draws of seeds. They are paired: a draw takes the same seeds of
both strategies (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.simulate.plan import Plan

DRAWS = 2000
IMAGES, SECONDS = "bought", "person_seconds"
LEVELS = (0.9, 0.95)


def summarise(replays: Sequence[dict[str, Any]], plan: Plan) -> dict[str, Any]:
    """Return the metrics of all strategies, and the comparison of each with the first one."""
    by_strategy = {
        name: sorted((r for r in replays if r["strategy"] == name), key=lambda r: r["seed"])
        for name in plan.strategies
    }
    metrics = {name: _strategy(runs) for name, runs in by_strategy.items()}
    baseline = plan.strategies[0]
    against = {
        name: _against(by_strategy[baseline], runs) for name, runs in by_strategy.items() if name != baseline
    }
    return {"against_baseline": against, "baseline": baseline, "strategies": metrics}


def cost_to(
    run: dict[str, Any], target: float, attribute: str | None = None, cost: str = IMAGES
) -> float | None:
    """Return what had to be paid to reach a target, interpolated linearly between two models.

    Args:
        run: A replay.
        target: A balanced accuracy.
        attribute: Name of an attribute; None is the mean over attributes.
        cost: `IMAGES`, or `SECONDS` of the person.

    Returns:
        None if the target is never reached (censored).
    """
    before: tuple[float, float] | None = None
    for point in run["curve"]:
        value = _value(point, attribute)
        if value is None:
            continue
        if value >= target:
            if before is None or value == before[1]:
                return float(point[cost])
            fraction = (target - before[1]) / (value - before[1])
            return float(before[0] + max(0.0, fraction) * (point[cost] - before[0]))
        before = (point[cost], value)
    return None


def area(run: dict[str, Any], attribute: str | None = None) -> float:
    """Return the mean balanced accuracy along the curve: the trapezoidal rule over the logarithm of the images bought."""
    points = [(np.log(p["bought"]), v) for p in run["curve"] if (v := _value(p, attribute)) is not None]
    if len(points) < 2:
        return points[0][1] if points else float("nan")
    x, y = np.array(points).T
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def interval(values: NDArray[np.float64]) -> list[float]:
    """Return the 95 % bootstrap interval of the mean of (seeds,) values."""
    drawn = np.random.default_rng(0).integers(0, len(values), (DRAWS, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return [float(low), float(high)]


def _value(point: dict[str, Any], attribute: str | None) -> float | None:
    value: float | None = point["macro"] if attribute is None else point["balanced"].get(attribute)
    return value


def _full(run: dict[str, Any], attribute: str | None) -> float | None:
    return _value(run["full"], attribute)


def _attributes(runs: Sequence[dict[str, Any]]) -> list[str]:
    return sorted({name for run in runs for name in run["full"]["balanced"]})


def _strategy(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    budgets = [point["bought"] for point in runs[0]["curve"]]
    curves = {
        name or "macro": [_mean_at(runs, place, name) for place in range(len(budgets))]
        for name in (None, *_attributes(runs))
    }
    areas = np.array([area(run) for run in runs])
    ends = np.array([seconds_to_end(run) for run in runs]) / 60
    return {
        "area": float(areas.mean()),
        "area_interval": interval(areas),
        "budgets": budgets,
        "curves": curves,
        "fillable": {
            name or "macro": [_fillable_at(runs, place, name) for place in range(len(budgets))]
            for name in (None, *sorted(runs[0]["full"]["fillable"]))
        },
        "full": float(np.mean([run["full"]["macro"] for run in runs])),
        "labels": _to_levels(runs, IMAGES, 1),
        "minutes": _to_levels(runs, SECONDS, 60),
        "minutes_at": [
            float(np.mean([run["curve"][place][SECONDS] for run in runs if place < len(run["curve"])])) / 60
            for place in range(len(budgets))
        ],
        "minutes_to_end": {"interval": interval(ends), "mean": float(ends.mean())},
        "seconds_per_model": float(np.median([p["seconds"] for run in runs for p in run["curve"]])),
        "worst_attribute": min(
            (c[-1]["mean"], n) for n, c in curves.items() if n != "macro" and c[-1]["mean"] is not None
        )[1],
        "worst_seed": float(min(run["curve"][-1]["macro"] for run in runs)),
    }


def _fillable_at(runs: Sequence[dict[str, Any]], place: int, attribute: str | None) -> float:
    """Return the mean share of cells that the model may fill after a purchase, of one attribute or of all (None)."""
    shares = [run["curve"][place]["fillable"] for run in runs if place < len(run["curve"])]
    of_runs = [
        np.mean(list(of_run.values())) if attribute is None else of_run[attribute] for of_run in shares
    ]
    return float(np.mean(of_runs))


def _mean_at(runs: Sequence[dict[str, Any]], place: int, attribute: str | None) -> dict[str, Any]:
    values = [_value(run["curve"][place], attribute) for run in runs if place < len(run["curve"])]
    present = np.array([value for value in values if value is not None])
    if not len(present):
        return {"mean": None, "interval": None}
    return {"mean": float(present.mean()), "interval": interval(present)}


def seconds_to_end(run: dict[str, Any]) -> float:
    """Return the least seconds of the person until every cell is labelled or fillable, if labelling stops at the best point."""
    return min(float(point[SECONDS] + point["rest_seconds"]) for point in run["curve"])


def _to_levels(runs: Sequence[dict[str, Any]], cost: str, unit: float) -> dict[str, Any]:
    """Return level → the median cost, in units, of reaching it, and how many runs never do."""
    levels = {}
    for level in LEVELS:
        costs = [cost_to(run, level * run["full"]["macro"], cost=cost) for run in runs]
        reached = [paid / unit for paid in costs if paid is not None]
        median = float(np.median(reached)) if reached else None
        levels[f"{level:.0%}"] = {"censored": len(costs) - len(reached), "median": median}
    return levels


def _against(baseline: Sequence[dict[str, Any]], runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the ratios of labels and of minutes against the baseline, and the difference of accuracy at each budget."""
    pairs = list(zip(baseline, runs, strict=True))
    gains = {
        str(theirs["bought"]): _gain([(b["curve"][i]["macro"], r["curve"][i]["macro"]) for b, r in pairs])
        for i, theirs in enumerate(pairs[0][1]["curve"])
        if all(i < min(len(b["curve"]), len(r["curve"])) for b, r in pairs)
    }
    names = (None, *_attributes(runs))
    fewer, faster = (
        {
            f"{level:.0%}": {name or "macro": _saved(pairs, level, name, cost) for name in names}
            for level in LEVELS
        }
        for cost in (IMAGES, SECONDS)
    )
    ends = np.log([seconds_to_end(b) / seconds_to_end(r) for b, r in pairs])
    return {"gain": gains, "times_faster": faster, "times_faster_to_end": _ratio(ends), "times_fewer": fewer}


def _gain(pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    difference = np.array([ours - theirs for theirs, ours in pairs])
    return {"interval": interval(difference), "mean": float(difference.mean())}


def _saved(
    pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]], level: float, name: str | None, cost: str
) -> dict[str, Any]:
    """Return the geometric mean of cost(baseline) / cost(strategy).

    A run that never reaches the target counts as reaching it with the last image bought. Such runs of the baseline
    make the ratio too small, those of the strategy too large; the summary counts both.
    """
    ratios, censored = [], [0, 0]
    for theirs, ours in pairs:
        target = _full(ours, name)
        if target is None:
            continue
        counts = [cost_to(run, level * target, name, cost) for run in (theirs, ours)]
        censored = [c + (count is None) for c, count in zip(censored, counts, strict=True)]
        last = [run["curve"][-1][cost] for run in (theirs, ours)]
        a, b = (count or end for count, end in zip(counts, last, strict=True))
        ratios.append(np.log(a / b))
    if not ratios:
        return {"baseline_censored": 0, "interval": None, "ratio": None, "rule_censored": 0}
    return _ratio(np.array(ratios)) | {"baseline_censored": censored[0], "rule_censored": censored[1]}


def _ratio(logs: NDArray[np.float64]) -> dict[str, Any]:
    """Return the geometric mean of ratios, given their (seeds,) logarithms, with its interval."""
    return {"interval": [float(np.exp(end)) for end in interval(logs)], "ratio": float(np.exp(logs.mean()))}
