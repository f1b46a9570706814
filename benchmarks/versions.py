"""`python -m benchmarks versions CHECKOUT`: is this version slower than another one?

Each pair measures both versions in turn on the same machine, the order swapped from pair to pair, so that a machine whose
speed drifts favours neither. The table shows the median of this version ÷ the other over the pairs: above 1 is slower.
Every version runs its own `serving`, `labelling`, `rounds_latency` and `importing`; the second and third have 10,000 images.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.support.report import RESULTS, Figures, print_report, write_report

MEASURE = """
import json, sys, tempfile
from pathlib import Path

def serving():
    from benchmarks import serving
    start, memory, _ = serving.measure("normal").values()
    return {"first answer s": start[0]["median"], "server MiB": memory[0]["after 100 requests"],
            "worker MiB": memory[0]["worker"]}

def labelling():
    from benchmarks import labelling
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        project = labelling.make_project(Path(folder) / "project", 10_000, predicted=True)
        for clients in (1, 4):
            row = labelling.measure_clients(project, clients, 1600)
            names = ("next p50 ms", "next p95 ms", "submit p50 ms", "submit p95 ms", "server cpu ms/label")
            found |= {f"{name}, {clients} clients": row[name] for name in names}
    return found

def rounds_latency():
    from benchmarks import rounds_latency
    rounds_latency.POOLS = {"normal": (10_000,)}
    row = next(iter(rounds_latency.measure("normal").values()))[0]
    return {name: row[name] for name in ("p50", "p95", "processor", "cold command", "resident MiB")}

def importing():
    from benchmarks import importing
    with tempfile.TemporaryDirectory() as folder:
        images, _ = importing.faces(Path(folder), None)
        seconds = importing._turn(images, Path(folder) / "room")
    return {name: seconds[name] for name in ("facelabel import", "facelabel import, again")}

print(json.dumps(globals()[sys.argv[1]]()))
"""
NAMES = ("serving", "labelling", "rounds_latency", "importing")


def main(arguments: list[str]) -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks versions", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("checkout", type=Path, help="a checkout of the other version")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all without one")
    parser.add_argument("--pairs", type=int, default=5, help="how often each version is measured")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - set(NAMES):
        parser.error(f"{min(unknown)} is not compared; these are: {', '.join(NAMES)}")
    figures = compare(chosen.checkout, chosen.names or list(NAMES), chosen.pairs)
    print_report("versions", figures)
    print(f"→ {write_report('versions', 'normal', figures)}\n")


def compare(other: Path, names: list[str], pairs: int) -> Figures:
    """Per benchmark a table with a row for each of its metrics."""
    this = RESULTS.parents[1]
    tables: Figures = {}
    for name in names:
        measured: dict[Path, list[dict[str, float]]] = {this: [], other: []}
        for pair in range(pairs):
            for checkout in (this, other) if pair % 2 else (other, this):
                measured[checkout].append(_measure(checkout, name))
        tables[name] = [
            _row(metric, [m[metric] for m in measured[this]], [m[metric] for m in measured[other]])
            for metric in measured[this][0]
        ]
    return tables


def _measure(checkout: Path, name: str) -> dict[str, float]:
    environment = os.environ | {"PYTHONPATH": str(checkout.resolve())}
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, name],
        cwd=checkout, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        raise SystemExit(f"{name} failed in {checkout}:\n{run.stderr}")
    result: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return result


def _row(metric: str, this: list[float], other: list[float]) -> dict[str, Any]:
    ratios = [mine / theirs for mine, theirs in zip(this, other, strict=True)]
    return {
        "metric": metric,
        "this": statistics.median(this),
        "other": statistics.median(other),
        "ratio": round(statistics.median(ratios), 3),
        "lowest": round(min(ratios), 3),
        "highest": round(max(ratios), 3),
        "pairs": len(ratios),
    }
