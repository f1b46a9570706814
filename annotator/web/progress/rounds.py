"""The API of rounds, and the report of a round's training."""

from __future__ import annotations

import re
from html import escape, unescape

from flask import Blueprint, url_for
from flask import Response as FlaskResponse

from annotator.errors import NotFound
from annotator.services.rounds.comparison import report_page, round_changes
from annotator.services.rounds.feature_choice import networks_after, return_to_frozen
from annotator.services.rounds.jobs import (
    cancel_round,
    get_round,
    labelled_since_last_round,
    list_rounds,
    start_round,
)
from annotator.services.rounds.promotion import promote, return_to_best
from annotator.services.rounds.status import round_details, suggestion_sources, workers_summary
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import Empty, answers, spec
from annotator.web.http.security import REPORT_POLICY
from annotator.web.progress.insights_contracts import RoundChangesOut, changes_out
from annotator.web.progress.rounds_contracts import RoundOut, RoundRequest, RoundsOut, SourceOut, WorkerOut

rounds_api = Blueprint("rounds_api", __name__, url_prefix="/api/v1/rounds")
round_files = Blueprint("round_files", __name__)


@rounds_api.post("")
@spec.validate(resp=answers(HTTP_202=RoundOut), tags=["rounds"])
def start(json: RoundRequest) -> tuple[RoundOut, int]:
    """Queue a round. While a round is unfinished, the answer is that round and no other is queued."""
    project = context().project
    with project.database.write() as session:
        [details] = round_details(project, session, [start_round(session, json.engine, json.strategy)])
    return RoundOut(**details), 202


@rounds_api.get("")
@spec.validate(resp=answers(HTTP_200=RoundsOut), tags=["rounds"])
def index() -> RoundsOut:
    """All rounds, newest first, and how many labels the next automatic round still needs."""
    project = context().project
    with project.database.read() as session:
        return RoundsOut(
            rounds=[RoundOut(**details) for details in round_details(project, session, list_rounds(session))],
            sources=[SourceOut(**source) for source in suggestion_sources(project, session)],
            every=context().settings.round_every,
            labelled_since=labelled_since_last_round(session),
            networks_after=networks_after(session),
            workers=[WorkerOut(**worker) for worker in workers_summary(session)],
        )


@rounds_api.post("/frozen-features")
@spec.validate(resp=answers(HTTP_204=None), tags=["rounds"])
def use_frozen_features(json: Empty) -> tuple[str, int]:
    """Use the frozen network's features in the next rounds, until a network that is fine-tuned later is shown to be better."""
    del json
    with context().project.database.write() as session:
        return_to_frozen(session)
    return "", 204


@rounds_api.get("/<int:number>")
@spec.validate(resp=answers(HTTP_200=RoundOut, problems=(404,)), tags=["rounds"])
def show(number: int) -> RoundOut:
    """One round: its state, its progress, its metrics."""
    return _one(number)


@rounds_api.get("/<int:number>/changes")
@spec.validate(resp=answers(HTTP_200=RoundChangesOut, problems=(404,)), tags=["rounds"])
def show_changes(number: int) -> RoundChangesOut:
    """What a round changed compared with the previous one: metrics, answers, and the head of the queue."""
    project = context().project
    with project.database.read() as session:
        changes = round_changes(project, session, number)
        has_report = report_page(project, session, number) is not None
    if changes is None:
        raise NotFound(
            "no_predictions", f"Round {number} has no predictions.", do="Choose a round that is done."
        )
    return changes_out(changes, url_for("round_files.report", number=number) if has_report else None)


@round_files.get("/rounds/<int:number>/report")
def report(number: int) -> FlaskResponse:
    """The report of a round's training, a page in one file."""
    project = context().project
    with project.database.read() as session:
        path = report_page(project, session, number)
    if path is None:
        folder = project.round_folder(number).relative_to(project.path)
        raise NotFound(
            "no_report",
            f"Round {number} has no report.",
            do=f"Call `facelabel trainer report {folder}/run {folder}/snapshot` in the project.",
        )
    answer = FlaskResponse(
        _with_links(path.read_text(encoding="utf-8", errors="replace"), number), mimetype="text/html"
    )
    answer.headers["Content-Security-Policy"] = REPORT_POLICY
    return answer


_NAMED_IMAGE = re.compile(r'<span class="dim" data-image="([^"]*)">([^<]*)</span>')
_VIEW = re.compile(r' data-view="([^"]*)"')


def _with_links(page: str, number: int) -> str:
    """A round's report whose faces, cells and bars lead to their images in Browse; in the file itself they lead nowhere."""

    def link(found: re.Match[str]) -> str:
        address = url_for("browse.browse_page", name=unescape(found[1]))
        return f'<a class="dim" href="{escape(address)}">{found[2]}</a>'

    def link_view(found: re.Match[str]) -> str:
        address = f"{url_for('browse.browse_page')}?{unescape(found[1])}"
        of_model = any(name in address for name in ("predicted=", "sure_from="))
        return f' href="{escape(f"{address}&round={number}" if of_model else address)}"'

    return _VIEW.sub(link_view, _NAMED_IMAGE.sub(link, page))


@rounds_api.post("/<int:number>/cancel")
@spec.validate(resp=answers(HTTP_200=RoundOut, problems=(404, 409)), tags=["rounds"])
def cancel(number: int, json: Empty) -> RoundOut:
    """Cancel a round that is queued or running. Nothing of it is kept but cached features."""
    del json
    with context().project.database.write() as session:
        cancel_round(session, number)
    return _one(number)


@rounds_api.post("/<int:number>/promote")
@spec.validate(resp=answers(HTTP_200=RoundOut, problems=(404, 409)), tags=["rounds"])
def promote_round(number: int, json: Empty) -> RoundOut:
    """Use this round's predictions for the queue and the suggestions until the next round ends."""
    del json
    promote(context().project, idempotency_key(), number, labeller_id())
    return _one(number)


@rounds_api.post("/best-measured")
@spec.validate(resp=answers(HTTP_204=None, problems=(409,)), tags=["rounds"])
def use_best_measured(json: Empty) -> tuple[str, int]:
    """Use the newest predictions for the queue again, and for each attribute the best measured ones, as without a promotion."""
    del json
    return_to_best(context().project, idempotency_key(), labeller_id())
    return "", 204


def _one(number: int) -> RoundOut:
    project = context().project
    with project.database.read() as session:
        [details] = round_details(project, session, [get_round(session, number)])
    return RoundOut(**details)
