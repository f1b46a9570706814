"""The learning-rate range test of Smith, "Cyclical learning rates for training neural networks" (2017).

The learning rate rises exponentially over a few epochs' worth of steps, from far too small to far too large, and the loss
of every step is recorded. The weights are discarded afterwards.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.config import FitConfig
from trainer.data.snapshot import Snapshot
from trainer.finetune.optimization import set_learning_rate
from trainer.finetune.run import build_trainer, torch_state_restored
from trainer.runtime.errors import TrainerError
from trainer.runtime.files import write_atomically

BEYOND = 4.0
"""The test ends when the smoothed loss is this multiple of its minimum."""
SMOOTH = 0.9


@dataclass(frozen=True)
class RateTest:
    """The result of the test.

    Attributes:
        rates: (steps,) learning rates of the heads; the backbone's rates keep the ratio of the settings.
        losses: (steps,) losses of the steps.
        smoothed: (steps,) running mean of the losses.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]

    @property
    def suggested(self) -> float:
        """The rate at which the smoothed loss falls most steeply."""
        slope = np.gradient(self.smoothed, np.log(self.rates))
        settled = len(self.rates) // 10  # before this, the running mean has no meaning
        return float(self.rates[settled + int(slope[settled:].argmin())])

    def write_csv(self, file: Path) -> None:
        """Write `rate,loss,smoothed`, one row per step."""
        rows = zip(self.rates, self.losses, self.smoothed, strict=True)
        lines = ["rate,loss,smoothed", *(f"{rate:.6g},{loss:.6g},{mean:.6g}" for rate, loss, mean in rows)]
        write_atomically(file, "".join(f"{line}\n" for line in lines).encode())

    @classmethod
    def read_csv(cls, file: Path) -> "RateTest":
        """Read the file of `write_csv`.

        Raises:
            TrainerError: It is not such a file.
        """
        try:
            rates, losses, smoothed = np.loadtxt(file, delimiter=",", skiprows=1, unpack=True)
        except (OSError, ValueError) as cause:
            raise TrainerError(
                f"{file} cannot be read: {cause}.",
                "Nothing was changed.",
                "Give a folder of `trainer find-rate`.",
            ) from cause
        return cls(rates, losses, smoothed)


def range_test(
    snapshot: Snapshot,
    config: FitConfig,
    folder: Path,
    *,
    progress: Callable[[int, int, str], None],
    lowest: float = 1e-7,
    highest: float = 10.0,
    steps: int = 100,
) -> RateTest:
    """Train while the learning rate rises from `lowest` to `highest`, and return the loss of every step.

    Args:
        snapshot: With a labelled train split.
        config: The settings; only the ratio of `learning_rate` and `head_learning_rate` matters.
        folder: For temporary files of the test.
        progress: Called after every step.
        lowest: Rate of the heads in the first step.
        highest: Rate in the last step, which is not reached if the loss explodes before.
        steps: Number of steps.

    Raises:
        TrainerError: There is nothing to learn from, or the loss is not finite from the start.
    """
    factors = np.geomspace(lowest, highest, steps) / config.head_learning_rate
    losses: list[float] = []
    folder.mkdir(parents=True, exist_ok=True)
    with torch_state_restored(config):
        trainer = build_trainer(snapshot, config, folder)
        batches = (batch for epoch in count() for batch in trainer.batches(epoch))
        for factor, batch in zip(factors, batches, strict=False):
            set_learning_rate(trainer.optimizer, float(factor))
            loss, _ = trainer.descend(*batch)
            if not math.isfinite(loss):
                break
            losses.append(loss)
            progress(len(losses), steps, f"learning rate {factor * config.head_learning_rate:.1e}")
            means = _smoothed(losses)
            if means[-1] > BEYOND * means.min():
                break
    if len(losses) < 10:
        raise TrainerError(
            "The loss exploded within the first ten steps.",
            "Nothing was changed.",
            "Start with a lower rate.",
        )
    rates = factors[: len(losses)] * config.head_learning_rate
    return RateTest(rates, np.asarray(losses), _smoothed(losses))


def _smoothed(losses: list[float]) -> NDArray[np.float64]:
    """Return the exponential running mean, corrected for its start."""
    mean, means = 0.0, []
    for number, loss in enumerate(losses, start=1):
        mean = SMOOTH * mean + (1 - SMOOTH) * loss
        means.append(mean / (1 - SMOOTH**number))
    return np.asarray(means)
