"""`python -m benchmarks versions CHECKOUT`: is this version slower than another one?

Each pair measures both versions in turn on the same machine, the order swapped from pair to pair, so that a machine whose
speed drifts favours neither. The table shows the median of this version ÷ the other over the pairs: above 1 is slower.
Every version runs its own `serving`, `rounds_latency` and `importing`; the second has 10,000 images. For `labelling`, both
versions serve 10,000 images at the same time, and the same clients label at one and the other in short turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.labelling import percentiles, run_clients
from benchmarks.support.report import RESULTS, Figures, print_report, write_report

MEASURE = """
import json, sys, tempfile
from pathlib import Path

def serving():
    from benchmarks import serving
    start, memory, _ = serving.measure("normal").values()
    return {"first answer s": start[0]["median"], "server MiB": memory[0]["after 100 requests"],
            "worker MiB": memory[0]["worker"]}

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
SERVE = """
import sys
from pathlib import Path
from benchmarks import labelling
from tests.support.serving import Server

project = labelling.make_project(Path(sys.argv[1]) / "project", 10_000, predicted=True)
with Server(project.path) as server:
    print(server.port, server.pid, flush=True)
    sys.stdin.readline()
"""
TURNS = 6
"""Turns of each version and number of clients in one pair of `labelling`."""
ANSWERS = 60
"""Answers in one turn, by all clients together."""
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
        if name == "labelling":
            tables[name] = compare_labelling(this, other, TURNS * pairs)
            continue
        measured: dict[Path, list[dict[str, float]]] = {this: [], other: []}
        for pair in range(pairs):
            for checkout in (this, other) if pair % 2 else (other, this):
                measured[checkout].append(_measure(checkout, name))
        tables[name] = [
            _row(metric, [m[metric] for m in measured[this]], [m[metric] for m in measured[other]])
            for metric in measured[this][0]
        ]
    return tables


def compare_labelling(this: Path, other: Path, turns: int) -> list[dict[str, Any]]:
    """What labellers without think time wait for, and the server's processor time for an answer, as rows of the table."""
    with _serving(this) as mine, _serving(other) as theirs:
        rows = []
        for clients in (1, 4):
            measured: dict[int, list[dict[str, float]]] = {mine[0]: [], theirs[0]: []}
            for server in (mine, theirs):
                _label(server, clients)
            for turn in range(turns):
                for server in (mine, theirs) if turn % 2 else (theirs, mine):
                    measured[server[0]].append(_label(server, clients))
            rows += [
                _row(metric, [m[metric] for m in measured[mine[0]]], [m[metric] for m in measured[theirs[0]]])
                for metric in measured[mine[0]][0]
            ]
    return rows


@contextmanager
def _serving(checkout: Path) -> Iterator[tuple[int, psutil.Process]]:
    """The port and the process of a server of a version, on a project of its own."""
    environment = os.environ | {"PYTHONPATH": str(checkout.resolve())}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", SERVE, folder]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=checkout, env=environment, **pipes) as process:
            assert process.stdout is not None
            port, pid = map(int, process.stdout.readline().split())
            yield port, psutil.Process(pid)
            process.communicate("\n")


def _label(server: tuple[int, psutil.Process], clients: int) -> dict[str, float]:
    """One turn: percentiles of the waits in ms, and the processor time."""
    port, process = server
    before = process.cpu_times()
    waits, _ = run_clients("http", port, clients, ANSWERS // clients)
    after = process.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    measured = {
        f"{call} {name} ms, {clients} clients": value
        for call in ("next", "submit")
        for name, value in percentiles(waits[call]).items()
    }
    return measured | {f"server cpu ms/label, {clients} clients": 1000 * cpu / len(waits["images"])}


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
