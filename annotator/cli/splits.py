"""splits: how the values are distributed over train, val and test, and a seed that distributes them better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from annotator.cli.terminal import errors, json_option, one_line, open_project, print_json, project_option
from annotator.domain.grouping.splits import Split
from annotator.domain.plurals import counted
from annotator.services.grouping.rebuild import settle_groups
from annotator.services.grouping.split_balance import Held, SplitPlan, balance_splits, plan_balance


@click.command("splits")
@click.option("--apply", "applied", is_flag=True, help="Use the better seed.")
@click.option(
    "--even-so", is_flag=True,
    help="With --apply: change the splits although models were trained. These keep their metrics and are not measured again.",
)  # fmt: skip
@project_option
@json_option
def splits_command(applied: bool, even_so: bool, project: Path, as_json: bool) -> None:
    """Show how the values are distributed over the splits, now and with a better seed.

    The group of an image and the seed alone determine its split, so new images do not move others. Without --apply nothing
    is changed.
    """
    if even_so and not applied:
        raise click.UsageError("--even-so needs --apply.")
    opened = open_project(project)
    with opened.database.write() as session:
        settle_groups(session)
    with opened.database.read() as session:
        plan = plan_balance(session)
    if not as_json:
        _print_plan(plan)
    for warning in plan.warnings:
        errors.print(warning, markup=False)
    if applied:
        with opened.database.write() as session:
            balance_splits(session, plan.seed, instead_of=plan.seed_now, even_so=even_so)
    if as_json:
        print_json({**asdict(plan), "applied": applied})
    elif applied and plan.seed != plan.seed_now:
        click.echo(
            f"The seed is now {plan.seed}; {counted(plan.moved, 'image', 'images')} moved to another split."
        )


def _print_plan(plan: SplitPlan) -> None:
    if plan.seed == plan.seed_now:
        click.echo(f"No seed that was tried distributes the values better than the current one, {plan.seed}.")
    else:
        click.echo(
            f"Seed {plan.seed_now} → {plan.seed}: distance from the wanted proportions {plan.distance_now:.2f} → {plan.distance:.2f} "
            f"(a random seed: 1), {counted(plan.moved, 'image', 'images')} would move to another split."
        )
    width = max(len(one_line(f"{row.attribute} {row.value}")) for row in plan.values)
    click.echo(
        f"\n{'images (groups)':<{width}}  {'train':>15} {'val':>13} {'test':>13}   then {'val':>8} {'test':>13}"
    )
    for row in plan.values:
        name = one_line(f"{row.attribute} {row.value}".strip())
        then = f"  →  {_cell(row.then, 'val')} {_cell(row.then, 'test')}"
        click.echo(
            f"{name:<{width}}  {_cell(row.now, 'train'):>15} {_cell(row.now, 'val')} {_cell(row.now, 'test')}"
            + (then if plan.seed != plan.seed_now else "")
        )


def _cell(spread: Mapping[Split, Held], split: Split) -> str:
    return f"{spread[split].images} ({spread[split].groups})".rjust(13)
