"""What a benchmark leaves behind: a table on the terminal, and a file that says where and when it was measured."""

import json
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psutil
import pysqlite3

from annotator.files import write_atomically

Size = Literal["small", "normal", "full"]
Figures = dict[str, list[dict[str, Any]]]
"""Tables by title; a table is a list of rows, and a row lacks what was not seen in it."""

VECTORS = frozenset({"avx2", "avx512f", "avx512_bf16", "amx_bf16"})
"""Instructions that a machine may lack although its name says nothing of it: they make a factor of three."""

RESULTS = Path(__file__).parents[1] / "results"


def print_report(name: str, figures: Figures) -> None:
    """Print every table with its columns aligned."""
    print(f"\n{name}")
    for title, rows in figures.items():
        print(f"\n  {title}")
        header = list(dict.fromkeys(key for row in rows for key in row))
        cells = [header, *([_cell(row.get(key, "")) for key in header] for row in rows)]
        widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
        for line in cells:
            print("  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    print()


def write_report(name: str, size: Size, figures: Figures) -> Path:
    """Write the figures to results/NAME.json."""
    path = RESULTS / f"{name}.json"
    report = {
        "benchmark": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "figures": figures,
        "machine": machine(),
        "revision": revision(),
        "size": size,
    }
    write_atomically(path, (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
    return path


def machine() -> dict[str, Any]:
    """The machine that was measured."""
    known = dict(
        re.split(r"\s*:\s*", line, maxsplit=1) for line in _lines(Path("/proc/cpuinfo")) if ":" in line
    )
    return {
        "cpu": known.get("model name") or platform.processor() or platform.machine(),
        "vectors": sorted(VECTORS.intersection(known.get("flags", "").split())),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": pysqlite3.sqlite_version,
    }


def revision() -> str:
    """The commit that was measured, with a + if files differ from it."""
    root = Path(__file__).parents[2]
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        changes = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown: not a git checkout"
    return commit + ("+" if changes.strip() else "")


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile in milliseconds: the smallest value that so many are not above."""
    ordered = sorted(seconds)
    return {
        f"p{share}": round(1000 * ordered[max(0, -(-len(ordered) * share // 100) - 1)], 2)
        for share in (50, 95, 99)
    }


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
