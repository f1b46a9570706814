"""The curve of a learning-rate range test, as a page, as PNG and as CSV."""

from pathlib import Path

from trainer.finetune.lr_finder import RateTest
from trainer.reports.canvas import Chart
from trainer.reports.charts import Axis, line_chart, spread
from trainer.reports.render import render
from trainer.runtime.files import write_atomically


def write_rate_curve(test: RateTest, to: Path) -> None:
    """Write `rates.csv`, `rates.png` and `rates.html` into a folder, which exists."""
    test.write_csv(to / "rates.csv")
    chart = rate_chart(test)
    write_atomically(to / "rates.png", chart.png())
    write_atomically(to / "rates.html", render("rates.html.j2", chart=chart, test=test).encode())


def rate_chart(test: RateTest) -> Chart:
    """Return the loss over the learning rate, with a line where it falls most steeply."""
    lines = {
        "smoothed": list(zip(test.rates.tolist(), test.smoothed.tolist(), strict=True)),
        "of the step": list(zip(test.rates.tolist(), test.losses.tolist(), strict=True)),
    }
    x = Axis("learning rate of the heads", float(test.rates[0]), float(test.rates[-1]), logarithmic=True)
    floor = max(0.0, float(test.losses.min()))
    y = Axis("loss", *spread(test.smoothed.tolist(), floor=floor, ceiling=float(2 * test.smoothed[0])))
    return line_chart("Loss while the learning rate rises", lines, x, y, mark=test.suggested)
