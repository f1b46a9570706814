"""certify: let the model fill cells, once a blind sample has shown that few of them are wrong."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from annotator.cli.terminal import json_option, one_line, open_project, print_json, project_option
from annotator.domain.certificates.target import Target
from annotator.domain.states import CertificateState
from annotator.domain.timestamps import utc_text
from annotator.errors import FacelabelError
from annotator.project import ProjectFolder
from annotator.services.access.log import Event, record_command
from annotator.services.accounts import local_labeller
from annotator.services.certificates.batches import continue_certificates
from annotator.services.certificates.create import create_certificate
from annotator.services.certificates.plan import AttributePlans, plan_attributes
from annotator.services.certificates.status import UNFINISHED, CertificateStatus, certificates
from annotator.services.certificates.undo import undo_certificate
from annotator.services.certificates.words import status_sentence

_STANDING = (*UNFINISHED, CertificateState.FILLED)


def _share(_context: click.Context, parameter: click.Parameter, value: str) -> float | None:
    """Read a share, "1%" or 0.01; "none" of --recall is None."""
    text = value.strip()
    if text == "none" and parameter.name == "recall":
        return None
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise click.BadParameter(f"{value!r} is no share between 0 and 1, such as 1% or 0.01.")
    return share


@click.command("certify")
@click.option(
    "--error",
    metavar="SHARE",
    callback=_share,
    default="1%",
    show_default=True,
    help="The largest share of wrong values in the finished attribute.",
)
@click.option(
    "--recall",
    metavar="SHARE",
    callback=_share,
    default="95%",
    show_default=True,
    help='The smallest share of each value\'s images that must have it; "none" for no minimum.',
)
@click.option(
    "--attribute", "names", multiple=True, metavar="NAME", help="Only this attribute; may be repeated."
)
@click.option("--preview", is_flag=True, help="Report what could be filled, and change nothing.")
@click.option("--undo", is_flag=True, help="End the certificates: their cells are open again.")
@project_option
@json_option
def certify_command(
    error: float, recall: float | None, names: tuple[str, ...], preview: bool, undo: bool, project: Path, as_json: bool
) -> None:  # fmt: skip
    """Let the model fill the cells that it is surest of, at an error that you choose.

    For every attribute in which that saves time, an acceptance sample is drawn and asked blind, mixed into everybody's
    queue. Once it is answered, the worker decides by it, and fills the cells or says why not. Call it again to see how far
    the certificates are. An attribute that is filled or has failed is tried again only if --attribute names it.
    """
    opened = open_project(project)
    if preview and undo:
        raise click.UsageError("Use --preview or --undo, not both.")
    if undo:
        _undo(opened, names, as_json=as_json)
        return
    if not preview:
        _work(opened)
    with opened.database.read() as session:
        plans = plan_attributes(opened, session, [Target(error, recall)], names or None)
        standing = _newest(certificates(session), names)
    waiting = UNFINISHED if names else (*_STANDING, CertificateState.FAILED)
    skipped = {each.attribute for each in standing if each.state in waiting}
    started = [] if preview else _start(opened, plans.attributes, skipped, Target(error, recall))
    if started:
        _work(opened)
        with opened.database.read() as session:
            standing = _newest(certificates(session), names)
    if as_json:
        print_json(
            {
                "preview": preview,
                "missing": plans.missing,
                "plans": [_plan_row(each) for each in plans.attributes],
                "certificates": [_row(each) for each in standing],
                "started": [each.id for each in started],
            }
        )
        return
    _print(plans.attributes, plans.missing, standing, {each.attribute for each in started}, preview=preview)


def _start(
    project: ProjectFolder, plans: Sequence[AttributePlans], skipped: set[str], target: Target
) -> list[CertificateStatus]:
    """Create the certificates that pay, without the attributes in `skipped`."""
    started = []
    for plan in plans:
        if plan.plans[0].possible and plan.attribute not in skipped:
            key = f"certify:{secrets.token_hex(8)}"
            with project.database.write() as session:
                me = local_labeller(session)
                started.append(create_certificate(project, session, plan.attribute, target, me, key))
            record_command(project.database, Event.CERTIFICATE_MADE)
    return started


def _work(project: ProjectFolder) -> None:
    """Do what the worker would do; if this is interrupted, the next worker or command goes on."""
    while continue_certificates(project):
        pass


def _undo(project: ProjectFolder, names: Sequence[str], *, as_json: bool) -> None:
    with project.database.read() as session:
        standing = [each for each in _newest(certificates(session), names) if each.state in _STANDING]
    if not standing:
        of = f" of {', '.join(names)}" if names else ""
        raise FacelabelError("no_certificate", f"No certificate{of} is running or filled.")
    if not names and len(standing) > 1:
        several = ", ".join(sorted({each.attribute for each in standing}))
        raise click.UsageError(
            f"Certificates of several attributes stand: name one with --attribute ({several})."
        )
    ended = []
    for each in standing:
        with project.database.write() as session:
            ended.append(undo_certificate(session, each.id, local_labeller(session)))
        record_command(project.database, Event.CERTIFICATE_UNDONE, f"certificate {each.id}")
    _work(project)
    if as_json:
        print_json({"undone": [_row(each) for each in ended]})
        return
    for each in ended:
        click.echo(f"{one_line(each.attribute)}: certificate {each.id} is undone; its cells are open again.")


def _newest(listed: Sequence[CertificateStatus], names: Sequence[str]) -> list[CertificateStatus]:
    """Of each attribute, the certificate that is unfinished or filled, and the newest one; newest first."""
    chosen: list[CertificateStatus] = []
    seen: set[str] = set()
    for each in listed:
        if (not names or each.attribute in names) and (each.attribute not in seen or each.state in _STANDING):
            chosen.append(each)
        seen.add(each.attribute)
    return chosen


def _plan_row(plan: AttributePlans) -> dict[str, object]:
    [at_target] = plan.plans
    return {"attribute": plan.attribute, "open": plan.open, "attempt": plan.attempt} | asdict(at_target)


def _row(certificate: CertificateStatus) -> dict[str, object]:
    row = asdict(certificate) | {"sentence": status_sentence(certificate)}
    return {name: utc_text(value) if hasattr(value, "isoformat") else value for name, value in row.items()}


def _print(
    plans: Sequence[AttributePlans], missing: str, standing: Sequence[CertificateStatus], started: set[str], *, preview: bool
) -> None:  # fmt: skip
    if missing:
        click.echo(missing)
    unfinished = {each.attribute for each in standing if each.state in UNFINISHED}
    for plan in plans:
        if plan.attribute in started or plan.attribute not in unfinished:
            click.echo(" ".join(filter(None, (plan.plans[0].sentence, plan.plans[0].warning))))
    for each in standing:
        new = "was started" if each.attribute in started and each.state in UNFINISHED else f"is {each.state}"
        click.echo(f"{one_line(each.attribute)}: certificate {each.id} {new}. {status_sentence(each)}")
    if preview and any(plan.plans[0].possible for plan in plans):
        click.echo("Nothing was changed. Without --preview, the acceptance samples are drawn and asked.")
