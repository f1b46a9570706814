"""The metrics of a run's epochs, as CSV and for TensorBoard."""

from collections.abc import Sequence
from pathlib import Path

from trainer.runtime.errors import TrainerError
from trainer.runtime.files import write_atomically

Row = dict[str, float | None]


def write_metrics(file: Path, history: Sequence[Row]) -> None:
    """Write one row per epoch; a metric that cannot be computed is an empty cell."""
    header = list(dict.fromkeys(name for row in reversed(history) for name in row))
    rows = [",".join(header)]
    for row in history:
        values = [
            row.get(name) for name in header
        ]  # another version, or more processes, may have written some rows
        rows.append(",".join("" if value is None else f"{value:.6g}" for value in values))
    write_atomically(file, "".join(f"{row}\n" for row in rows).encode())


def write_events(folder: Path, history: Sequence[Row]) -> None:
    """Add the last epoch's metrics to TensorBoard's files; the same metric of all attributes shares a chart.

    Raises:
        TrainerError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - by option only
    except ImportError as cause:
        raise TrainerError(
            "TensorBoard is not installed.", "The checkpoints are kept.", "Run: pip install tensorboard"
        ) from cause
    row = history[-1]
    step = int(row["epoch"] or 0)
    with SummaryWriter(str(folder), purge_step=step) as writer:
        for name, value in row.items():
            if value is not None and name != "epoch":
                writer.add_scalar(name.replace(":", "/"), value, step)
