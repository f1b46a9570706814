"""The API of rounds."""

from __future__ import annotations

from flask import Blueprint
from spectree import Response
from sqlalchemy.orm import Session

from annotator.models import Round
from annotator.services.promotions import promote, round_in_use
from annotator.services.rounds import get_round, labelled_since_last_round, list_rounds, start_round
from annotator.services.schema_in_force import schema_in_force
from annotator.services.statistics import round_summary
from annotator.web.context import context, idempotency_key, labeller_id
from annotator.web.contracts import Empty, ProblemAnswer, RoundOut, RoundRequest, RoundsOut, spec

rounds_api = Blueprint("rounds_api", __name__, url_prefix="/api/v1/rounds")


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
        )


@rounds_api.get("/<int:number>")
@spec.validate(resp=Response(HTTP_200=RoundOut, HTTP_404=ProblemAnswer), tags=["rounds"])
def show(number: int) -> RoundOut:
    """One round: its state, how far it is, its figures."""
    with context().project.database.read() as session:
        return _out(session, [get_round(session, number)])[0]


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
    used = round_in_use(session, schema_in_force(session).hash)
    return [RoundOut(**round_summary(row), in_use=row.id == used) for row in rows]
