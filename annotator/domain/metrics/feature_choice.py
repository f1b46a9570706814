"""Decide whether probes use a fine-tuned network's features: only if that network is shown to be better on the audit set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from annotator.domain.metrics.audit import Measured, combined_half_width, points


@dataclass(frozen=True)
class Advantage:
    """The difference in macro balanced accuracy between a fine-tuned network and a probe, with its 95 % interval."""

    value: float
    low: float
    high: float
    attributes: int
    images: int

    @property
    def shown(self) -> bool:
        """Whether the interval excludes 0, in favour of the network."""
        return self.low > 0

    @property
    def text(self) -> str:
        """The difference in words, to be continued with "than …"."""
        attributes = f"{self.attributes} attribute{'s' if self.attributes > 1 else ''}"
        return points(self.value, self.low, self.high, f"balanced accuracy, mean of {attributes}")


def advantage(network: Mapping[str, Measured], probe: Mapping[str, Measured]) -> Advantage | None:
    """Compare two models on the same audit images. The interval is that of a paired difference.

    Args:
        network: attribute → balanced accuracy of the fine-tuned network.
        probe: attribute → balanced accuracy of the probe.

    Returns:
        None if no attribute has an interval for both.
    """
    names = [
        name
        for name in network
        if name in probe and _has_interval(network[name]) and _has_interval(probe[name])
    ]
    if not names:
        return None
    both = [network[name] for name in names] + [probe[name] for name in names]
    weights = np.repeat([1.0, -1.0], len(names)) / len(names)
    half = combined_half_width(weights, both)
    assert half is not None, "only metrics with intervals are compared"
    value = float(weights @ np.array([measured.value for measured in both]))
    return Advantage(value, value - half, value + half, len(names), max(measured.images for measured in both))


def _has_interval(measured: Measured) -> bool:
    return measured.value is not None and len(measured.influence) > 0
