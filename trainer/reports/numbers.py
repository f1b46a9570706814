"""Format metrics for pages, Markdown and the terminal."""

from collections.abc import Sequence


def format_metric(value: float | None) -> str:
    """Return a metric between 0 and 1 with three decimals, or a dash if it does not exist."""
    return "–" if value is None else f"{value:.3f}"


def format_interval(value: float | None, interval: Sequence[float] | None) -> str:
    """Return a metric with its 95 % interval, or alone if the interval does not exist."""
    if interval is None:
        return format_metric(value)
    return f"{format_metric(value)} ({interval[0]:.3f}–{interval[1]:.3f})"
