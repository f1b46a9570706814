"""round: write a snapshot, train, predict, load the predictions and reorder the queue; rounds prune: make room."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import click

from annotator.cli.projects import print_metrics
from annotator.cli.terminal import json_option, open_project, print_json, project_option, stage_bar
from annotator.config import Settings
from annotator.domain.states import UNFINISHED, JobState
from annotator.errors import FacelabelError
from annotator.project import ProjectFolder
from annotator.services.common.claims import LostClaimError, joined
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.insights.background import write_report
from annotator.services.rounds.jobs import (
    DEFAULT_STRATEGY,
    ENGINES,
    STRATEGIES,
    cancel_round,
    get_round,
    start_round,
)
from annotator.services.rounds.pruning import prunable_rounds, prune_rounds
from annotator.services.rounds.status import round_summary
from annotator.worker import POLL_SECONDS, Report, run_next_round

DEFAULT_KEPT = 3
"""How many rounds stay whole if the setting says that the worker prunes none."""


@click.command("round")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="probe",
    show_default=True,
    help="probe: linear models, seconds; cnn: fine-tuning, minutes; ensemble: both.",
)
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default=DEFAULT_STRATEGY,
    show_default=True,
    help="The query strategy, which orders the queue.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    help="How many processes of one machine train the network of the engine cnn.  [default: FACELABEL_ROUND_PROCESSES]",
)
@click.option("--cancel", is_flag=True, help="Cancel the round that is queued or running, and start none.")
@project_option
@json_option
def round_command(
    engine: str, strategy: str, processes: int | None, cancel: bool, project: Path, as_json: bool
) -> None:
    """Train on the labels so far, and reorder the queue by the query strategy.

    The round runs here or in the worker of a running server; either way this command shows its progress.
    """
    opened = open_project(project)
    if cancel:
        with opened.database.write() as session:
            summary = round_summary(cancel_round(session))
        if as_json:
            print_json(summary)
        else:
            click.echo(
                f"Round {summary['id']} is cancelled. The labels and the predictions in use are unchanged."
            )
        return
    with opened.database.write() as session:
        number = start_round(session, engine, strategy, processes).id
    with stage_bar() as bar:
        _follow(opened, number, bar)
    with opened.database.read() as session:
        summary = round_summary(get_round(session, number))
    if engine != "probe" and summary["state"] == JobState.DONE:
        write_report(opened)
    if as_json:
        print_json(summary)
    elif summary["state"] == JobState.DONE:
        click.echo(f"Round {number} is done: {summary['message']}.")
        print_metrics(summary["metrics"])
    elif summary["state"] == JobState.CANCELLED:
        click.echo(f"Round {number} was cancelled. The predictions in use are unchanged.")
    if summary["state"] == JobState.FAILED:
        raise FacelabelError("round_failed", f"Round {number} failed: {summary['error']}", kept="")


def _follow(project: ProjectFolder, number: int, report: Report) -> None:
    """Run the round here, or follow it while the worker of a running server runs it."""
    settings = Settings()
    with joined(project, lost_seconds=settings.worker_lost_seconds):
        while True:
            with suppress(LostClaimError):  # another worker has the round now
                run_next_round(project, settings, RoundSnapshots(project), report)
            with project.database.read() as session:
                row = get_round(session, number)
                if row.state not in UNFINISHED:
                    return
                report(row.stage, row.done, row.total, row.message)
            time.sleep(POLL_SECONDS)


@click.group("rounds")
def rounds_group() -> None:
    """Make room on the disk by pruning old rounds."""


@rounds_group.command("prune")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    help="How many of the newest rounds stay whole.  [default: FACELABEL_ROUNDS_KEPT, or 3]",
)
@click.option("--preview", is_flag=True, help="List the rounds, and delete nothing.")
@project_option
@json_option
def prune_command(keep: int | None, preview: bool, project: Path, as_json: bool) -> None:
    """Delete the models, snapshots and most predictions of old rounds; their curves and reports stay.

    Rounds that suggest values or give the order of work stay whole. It cannot be undone.
    """
    kept = keep or Settings().rounds_kept or DEFAULT_KEPT
    run = prunable_rounds if preview else prune_rounds
    rounds = run(open_project(project), kept)
    freed = sum(entry.bytes for entry in rounds)
    if as_json:
        print_json({"preview": preview, "rounds": [asdict(entry) for entry in rounds], "bytes": freed})
        return
    for entry in rounds:
        click.echo(f"Round {entry.id}: {entry.bytes / 1e6:,.1f} MB")
    if not rounds:
        click.echo(f"No round can be pruned: the newest {kept} rounds and those in use stay whole.")
    elif preview:
        click.echo(f"This would free about {freed / 1e6:,.1f} MB. Nothing was deleted.")
    else:
        click.echo(f"{freed / 1e6:,.1f} MB are free again. The curves and the reports are kept.")
