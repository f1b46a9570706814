"""The API of rounds."""

from __future__ import annotations

from flask import Blueprint
from spectree import Response

from annotator.services.rounds import get_round, list_rounds, start_round
from annotator.services.statistics import round_summary
from annotator.web.context import context
from annotator.web.contracts import ProblemAnswer, RoundOut, RoundRequest, RoundsOut, spec

rounds_api = Blueprint("rounds_api", __name__, url_prefix="/api/v1/rounds")


@rounds_api.post("")
@spec.validate(
    resp=Response(HTTP_202=RoundOut, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer), tags=["rounds"]
)
def start(json: RoundRequest) -> tuple[RoundOut, int]:
    """Queue a round; while one is unfinished that one is returned."""
    with context().project.database.write() as session:
        return RoundOut(**round_summary(start_round(session, json.engine, json.strategy))), 202


@rounds_api.get("")
@spec.validate(resp=Response(HTTP_200=RoundsOut), tags=["rounds"])
def index() -> RoundsOut:
    """All rounds, the newest first."""
    with context().project.database.read() as session:
        return RoundsOut(rounds=[RoundOut(**round_summary(row)) for row in list_rounds(session)])


@rounds_api.get("/<int:number>")
@spec.validate(resp=Response(HTTP_200=RoundOut, HTTP_404=ProblemAnswer), tags=["rounds"])
def show(number: int) -> RoundOut:
    """One round: its state, how far it is, its figures."""
    with context().project.database.read() as session:
        return RoundOut(**round_summary(get_round(session, number)))
