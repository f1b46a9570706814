"""From curves to figures: labels to a share of the full-data figure, area under the curve, and what a rule saves.

Intervals are 95 % percentile intervals of 2,000 bootstrap draws of seeds, in pairs: a draw takes the same seeds of both
strategies (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.simulate.plan import Plan

DRAWS = 2000
SHARES = (0.9, 0.95)


def summarise(replays: Sequence[dict[str, Any]], plan: Plan) -> dict[str, Any]:
    """The figures of all strategies, and those of each against the first one."""
    by_strategy = {
        name: sorted((r for r in replays if r["strategy"] == name), key=lambda r: r["seed"])
        for name in plan.strategies
    }
    figures = {name: _strategy(runs) for name, runs in by_strategy.items()}
    baseline = plan.strategies[0]
    against = {
        name: _against(by_strategy[baseline], runs) for name, runs in by_strategy.items() if name != baseline
    }
    return {"against_baseline": against, "baseline": baseline, "strategies": figures}


def labels_to(run: dict[str, Any], target: float, attribute: str | None = None) -> float | None:
    """How many images had to be bought to reach a figure, between two models by a straight line; None: never (censored).

    Args:
        run: A replay.
        target: A balanced accuracy.
        attribute: Whose; None is the mean over attributes.
    """
    before: tuple[float, float] | None = None
    for point in run["curve"]:
        value = _value(point, attribute)
        if value is None:
            continue
        if value >= target:
            if before is None or value == before[1]:
                return float(point["bought"])
            share = (target - before[1]) / (value - before[1])
            return float(before[0] + max(0.0, share) * (point["bought"] - before[0]))
        before = (point["bought"], value)
    return None


def area(run: dict[str, Any], attribute: str | None = None) -> float:
    """The mean figure along the curve, by the trapezoid rule over the logarithm of the images bought."""
    points = [(np.log(p["bought"]), v) for p in run["curve"] if (v := _value(p, attribute)) is not None]
    if len(points) < 2:
        return points[0][1] if points else float("nan")
    x, y = np.array(points).T
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))


def interval(values: NDArray[np.float64]) -> list[float]:
    """The 95 % bootstrap interval of the mean of (seeds,) values."""
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
    return {
        "area": float(areas.mean()),
        "area_interval": interval(areas),
        "budgets": budgets,
        "curves": curves,
        "full": float(np.mean([run["full"]["macro"] for run in runs])),
        "labels": {
            f"{share:.0%}": _labels([labels_to(run, share * run["full"]["macro"]) for run in runs])
            for share in SHARES
        },
        "seconds_per_model": float(np.median([p["seconds"] for run in runs for p in run["curve"]])),
        "worst_attribute": min(
            (c[-1]["mean"], n) for n, c in curves.items() if n != "macro" and c[-1]["mean"] is not None
        )[1],
        "worst_seed": float(min(run["curve"][-1]["macro"] for run in runs)),
    }


def _mean_at(runs: Sequence[dict[str, Any]], place: int, attribute: str | None) -> dict[str, Any]:
    values = [_value(run["curve"][place], attribute) for run in runs if place < len(run["curve"])]
    known = np.array([value for value in values if value is not None])
    if not len(known):
        return {"mean": None, "interval": None}
    return {"mean": float(known.mean()), "interval": interval(known)}


def _labels(counts: Sequence[float | None]) -> dict[str, Any]:
    known = [count for count in counts if count is not None]
    return {"censored": len(counts) - len(known), "median": float(np.median(known)) if known else None}


def _against(baseline: Sequence[dict[str, Any]], runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How many times fewer labels than the baseline, and how much better or worse at each budget."""
    pairs = list(zip(baseline, runs, strict=True))
    gains = {
        str(theirs["bought"]): _gain([(b["curve"][i]["macro"], r["curve"][i]["macro"]) for b, r in pairs])
        for i, theirs in enumerate(pairs[0][1]["curve"])
        if all(i < min(len(b["curve"]), len(r["curve"])) for b, r in pairs)
    }
    saved = {
        f"{share:.0%}": {name or "macro": _saved(pairs, share, name) for name in (None, *_attributes(runs))}
        for share in SHARES
    }
    return {"gain": gains, "times_fewer": saved}


def _gain(pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    difference = np.array([ours - theirs for theirs, ours in pairs])
    return {"interval": interval(difference), "mean": float(difference.mean())}


def _saved(
    pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]], share: float, name: str | None
) -> dict[str, Any]:
    """The geometric mean of labels(baseline) / labels(rule).

    Who never arrives is counted as arriving with the last image bought: for the baseline that makes the ratio too
    small, for the rule too large; both numbers are told.
    """
    ratios, censored = [], [0, 0]
    for theirs, ours in pairs:
        target = _full(ours, name)
        if target is None:
            continue
        counts = [labels_to(run, share * target, name) for run in (theirs, ours)]
        censored = [c + (count is None) for c, count in zip(censored, counts, strict=True)]
        last = [run["curve"][-1]["bought"] for run in (theirs, ours)]
        a, b = (count or end for count, end in zip(counts, last, strict=True))
        ratios.append(np.log(a / b))
    if not ratios:
        return {"baseline_censored": 0, "interval": None, "ratio": None, "rule_censored": 0}
    logs = np.array(ratios)
    return {
        "baseline_censored": censored[0],
        "interval": [float(np.exp(end)) for end in interval(logs)],
        "ratio": float(np.exp(logs.mean())),
        "rule_censored": censored[1],
    }
