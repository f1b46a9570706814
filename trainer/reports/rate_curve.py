"""The curve of a learning-rate range test, as a page, as PNG and as CSV."""

from pathlib import Path

from trainer.finetune.lr_finder import RateTest
from trainer.reports.charts import Axis, Chart, line_chart, spread
from trainer.reports.page import page
from trainer.runtime.files import write_atomically


def write_rate_curve(found: RateTest, to: Path) -> None:
    """Write `rates.csv`, `rates.png` and `rates.html` into a folder, which exists."""
    found.write_csv(to / "rates.csv")
    chart = rate_chart(found)
    write_atomically(to / "rates.png", chart.png())
    words = f"<p>The smoothed loss falls most steeply at a rate of {found.suggested:.1e} (dashed).</p>"
    write_atomically(to / "rates.html", page("Learning-rate test", [("Curve", chart.html + words)]).encode())


def rate_chart(found: RateTest) -> Chart:
    """Return the loss over the learning rate, with a line where it falls most steeply."""
    lines = {
        "smoothed": list(zip(found.rates.tolist(), found.smoothed.tolist(), strict=True)),
        "of the step": list(zip(found.rates.tolist(), found.losses.tolist(), strict=True)),
    }
    x = Axis("learning rate of the heads", float(found.rates[0]), float(found.rates[-1]), logarithmic=True)
    floor = max(0.0, float(found.losses.min()))
    y = Axis("loss", *spread(found.smoothed.tolist(), floor=floor, ceiling=float(2 * found.smoothed[0])))
    return line_chart("Loss while the learning rate rises", lines, x, y, mark=found.suggested)
