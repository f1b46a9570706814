"""Run all replays of a plan in parallel processes; each replay is saved as soon as it is done.

```
plan.json              the settings, their hash, and the hash of the snapshot
raw/STRATEGY-SEED.json one replay: curve, metrics with all labels, ledger
summary.json           metrics with intervals
report.html            the same as a page
```
"""

import json
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import torch

from trainer.data.snapshot import Snapshot
from trainer.runtime.errors import TrainerError
from trainer.runtime.files import canonical_json, write_atomically
from trainer.runtime.progress import Progress, Report
from trainer.simulate.page import page
from trainer.simulate.plan import Plan
from trainer.simulate.problem import Problem, read_problem
from trainer.simulate.replay import replay
from trainer.simulate.summary import summarise


def simulate(
    snapshot: Snapshot, to: Path, plan: Plan, *, cache: Path, report: Report = lambda _: None
) -> dict[str, Any]:
    """Replay a plan on a snapshot's labels, write the folder and return the summary.

    After an interruption, a second call computes only the missing replays.

    Raises:
        TrainerError: The folder holds another plan or another snapshot, or there is nothing to simulate.
    """
    identity = {
        "plan": plan.as_json(),
        "plan_hash": plan.hash,
        "snapshot": snapshot.content_hash,
    }
    _identify(to, identity)
    problem = read_problem(snapshot, cache, report, whole_images=plan.whole_images)
    replays = run_plan(problem, plan, to / "raw", report)
    summary = identity | summarise(replays, plan)
    write_atomically(to / "summary.json", canonical_json(summary).encode())
    write_atomically(to / "report.html", page(summary).encode())
    return summary


def run_plan(problem: Problem, plan: Plan, raw: Path, report: Report) -> list[dict[str, Any]]:
    """Return every replay of a plan as it is saved on disk, in the order of strategies and seeds."""
    raw.mkdir(parents=True, exist_ok=True)
    wanted = [(strategy, seed) for strategy in plan.strategies for seed in range(plan.seeds)]
    # Seed by seed: after an interruption, the first seeds can be read for all strategies.
    missing = sorted((one for one in wanted if not _is_whole(_file(raw, *one))), key=lambda one: one[1])
    done = len(wanted) - len(missing)
    report(Progress("replay", done, len(wanted), "replaying"))
    for _ in _replayed(problem, plan, raw, missing):
        done += 1
        report(Progress("replay", done, len(wanted), "replaying"))
    return [json.loads(_file(raw, *one).read_bytes()) for one in wanted]


def _replayed(problem: Problem, plan: Plan, raw: Path, missing: list[tuple[str, int]]) -> Iterator[None]:
    if len(missing) < 2:
        for one in missing:
            _keep(problem, plan, raw, *one)
            yield
        return
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(os.cpu_count(), context, _start, (problem, plan, raw)) as processes:
        for finished in as_completed([processes.submit(_keep_here, *one) for one in missing]):
            finished.result()
            yield


_here: list[tuple[Problem, Plan, Path]] = []


def _start(problem: Problem, plan: Plan, raw: Path) -> None:
    torch.set_num_threads(1)  # one process per core: more threads would only wait for each other
    _here.append((problem, plan, raw))


def _keep_here(strategy: str, seed: int) -> None:
    _keep(*_here[0], strategy, seed)


def _keep(problem: Problem, plan: Plan, raw: Path, strategy: str, seed: int) -> None:
    done = replay(problem, plan, strategy, seed).as_json()
    write_atomically(_file(raw, strategy, seed), canonical_json(done).encode())


def _is_whole(file: Path) -> bool:
    """Whether a replay is saved, with the minutes of the person, which replays of older versions lack."""
    return file.exists() and "person_seconds" in json.loads(file.read_bytes())["full"]


def _file(raw: Path, strategy: str, seed: int) -> Path:
    return raw / f"{strategy}-{seed:03d}.json"


def _identify(to: Path, identity: dict[str, Any]) -> None:
    """Write what is simulated before anything is bought, or check that the folder holds the same."""
    file = to / "plan.json"
    if file.exists():
        if json.loads(file.read_bytes()) != identity:
            raise TrainerError(
                f"{to} holds a simulation with other settings or of another snapshot.",
                "Nothing in it was changed.",
                "Choose another folder.",
            )
        return
    to.mkdir(parents=True, exist_ok=True)
    write_atomically(file, canonical_json(identity).encode())
