"""The API of rounds."""

from __future__ import annotations

from flask import Blueprint, send_file, url_for
from flask import Response as Answer
from spectree import Response
from sqlalchemy.orm import Session

from annotator.errors import NotFound
from annotator.models import Round
from annotator.services.rounds.comparison import report_page, round_changes
from annotator.services.rounds.feature_choice import networks_after, return_to_frozen
from annotator.services.rounds.jobs import get_round, labelled_since_last_round, list_rounds, start_round
from annotator.services.rounds.promotion import promote, round_in_use
from annotator.services.rounds.status import round_summary
from annotator.services.schema.active import active_schema
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import Empty, ProblemAnswer, RoundOut, RoundRequest, RoundsOut, spec
from annotator.web.http.security import REPORT_POLICY
from annotator.web.progress.insights_contracts import RoundChangesOut, changes_out

rounds_api = Blueprint("rounds_api", __name__, url_prefix="/api/v1/rounds")
round_files = Blueprint("round_files", __name__)


@rounds_api.post("")
@spec.validate(
    resp=Response(HTTP_202=RoundOut, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer), tags=["rounds"]
)
def start(json: RoundRequest) -> tuple[RoundOut, int]:
    """Queue a round; while one is unfinished that one is returned."""
    with context().project.database.write() as session:
        return _out(session, [start_round(session, json.engine, json.strategy)])[0], 202


@rounds_api.get("")
@spec.validate(resp=Response(HTTP_200=RoundsOut), tags=["rounds"])
def index() -> RoundsOut:
    """All rounds, the newest first, and how near the next automatic one is."""
    with context().project.database.read() as session:
        return RoundsOut(
            rounds=_out(session, list_rounds(session)),
            every=context().settings.round_every,
            labelled_since=labelled_since_last_round(session),
            networks_after=networks_after(session),
        )


@rounds_api.post("/frozen-features")
@spec.validate(resp=Response("HTTP_204", HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer), tags=["rounds"])
def use_frozen_features(json: Empty) -> tuple[str, int]:
    """Let the next rounds work on the frozen network's features, until another network is fine-tuned and shown to be better."""
    del json
    with context().project.database.write() as session:
        return_to_frozen(session)
    return "", 204


@rounds_api.get("/<int:number>")
@spec.validate(resp=Response(HTTP_200=RoundOut, HTTP_404=ProblemAnswer), tags=["rounds"])
def show(number: int) -> RoundOut:
    """One round: its state, how far it is, its figures."""
    with context().project.database.read() as session:
        return _out(session, [get_round(session, number)])[0]


@rounds_api.get("/<int:number>/changes")
@spec.validate(resp=Response(HTTP_200=RoundChangesOut, HTTP_404=ProblemAnswer), tags=["rounds"])
def show_changes(number: int) -> RoundChangesOut:
    """What a round changed: figures against the round before, answers, and the head of the queue."""
    project = context().project
    with project.database.read() as session:
        found = round_changes(project, session, number)
        has_report = report_page(project, session, number) is not None
    if found is None:
        raise NotFound(
            "no_predictions", f"Round {number} has no predictions.", do="Choose a round that is done."
        )
    return changes_out(found, url_for("round_files.report", number=number) if has_report else None)


@round_files.get("/rounds/<int:number>/report")
def report(number: int) -> Answer:
    """The report of a round's training, a page of its own."""
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
    answer = send_file(path, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = REPORT_POLICY
    return answer


@rounds_api.post("/<int:number>/promote")
@spec.validate(
    resp=Response(
        HTTP_200=RoundOut,
        HTTP_400=ProblemAnswer,
        HTTP_403=ProblemAnswer,
        HTTP_404=ProblemAnswer,
        HTTP_409=ProblemAnswer,
    ),
    tags=["rounds"],
)
def promote_round(number: int, json: Empty) -> RoundOut:
    """Let queue and suggestions come from this round's predictions, until the next round is loaded."""
    del json
    project = context().project
    promote(project, idempotency_key(), number, labeller_id())
    with project.database.read() as session:
        return _out(session, [get_round(session, number)])[0]


def _out(session: Session, rows: list[Round]) -> list[RoundOut]:
    used = round_in_use(session, active_schema(session).hash)
    return [RoundOut(**round_summary(row), in_use=row.id == used) for row in rows]
