"""The sweep page and its API: answer one attribute of many images together."""

from __future__ import annotations

from flask import Blueprint

from annotator.errors import WrongUse
from annotator.services.annotation.bulk import (
    SweepSelection,
    SweptCell,
    SweptPage,
    count_predicted,
    find_page,
    lease_page,
    submit_page,
    undo_page,
)
from annotator.services.rare_values.search import (
    SearchPage,
    find_search_page,
    lease_search_page,
    submit_search_page,
)
from annotator.services.tasks.leases import give_up_leases, renew_leases
from annotator.services.tasks.task import Task
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import answers, spec
from annotator.web.http.pages import render_page
from annotator.web.label.bulk_contracts import (
    SearchOut,
    SweepAnswer,
    SweepGroupOut,
    SweepImageOut,
    SweepLeaseOut,
    SweepNextAnswer,
    SweepNextRequest,
    SweepRequest,
    SweepUndoAnswer,
    SweepUndoRequest,
)
from annotator.web.label.contracts import SuggestionOut, leased_image
from annotator.web.label.routes import progress_out

sweep = Blueprint("sweep", __name__)


@sweep.get("/sweep")
def show() -> str:
    """The sweep page."""
    return render_page("sweep")


@sweep.post("/api/v1/sweep/next")
@spec.validate(resp=answers(HTTP_200=SweepNextAnswer, problems=(404,)), tags=["sweep"])
def next_page(json: SweepNextRequest) -> SweepNextAnswer:
    """Lease a page of images that nobody holds and that the model answers alike; never an image of the test split."""
    project, seconds, me = context().project, context().settings.lease_seconds, labeller_id()
    order = "probable" if json.order == "find" else json.order
    selection = SweepSelection(json.attribute, json.value, order, frozenset(json.without), json.inside)
    search = None
    if json.order == "find" and json.inside:
        raise WrongUse(
            "bad_request",
            "A search is among all images, not inside a polygon.",
            do="Leave inside out, or choose another order.",
        )
    with project.database.read() as session:  # the scan of the predictions must not block writers
        if json.order == "find" and json.value is not None:
            search = find_search_page(
                project, session, me, json.attribute, json.value, json.count, json.without
            )
        else:
            find_page(project, session, me, selection, json.count)
        sizes = count_predicted(project, session, selection)
    with project.database.write(durable=False) as session:
        give_up_leases(session, me, json.leaving)
        renewed, lost = renew_leases(session, me, json.holding, seconds)
        if search is not None:
            tasks = lease_search_page(project, session, me, search, seconds)
        else:
            tasks = lease_page(project, session, me, selection, count=json.count, lease_seconds=seconds)
        progress = progress_out(session, me)
    return SweepNextAnswer(
        images=[_image(task, json.attribute, seconds) for task in tasks],
        groups=[SweepGroupOut(code=code, cells=cells) for code, cells in sizes.items()],
        search=_search(search) if search else None,
        progress=progress,
        renewed=renewed,
        lost=lost,
    )


@sweep.post("/api/v1/sweep")
@spec.validate(resp=answers(HTTP_200=SweepAnswer, problems=(404, 409)), tags=["sweep"])
def annotate_page(json: SweepRequest) -> SweepAnswer:
    """Store the answers of a page, all or none; they are durable when this returns. Repeating a key changes nothing."""
    page = SweptPage(
        key=idempotency_key(),
        attribute=json.attribute,
        cells=tuple(SweptCell(**cell.model_dump()) for cell in json.answers),
        left_out=tuple(json.left_out),
        searched=json.searched,
        ruled_out=tuple(json.ruled_out),
        milliseconds=json.milliseconds,
    )
    with context().project.database.write() as session:
        me = labeller_id()
        if json.searched is None:
            outcome = submit_page(session, me, page)
        else:
            outcome = submit_search_page(session, me, page)
        progress = progress_out(session, me)
    return SweepAnswer(
        submission=outcome.key,
        answered=outcome.answered,
        opinions=outcome.opinions,
        excluded=outcome.excluded,
        progress=progress,
    )


@sweep.post("/api/v1/sweep/undo")
@spec.validate(resp=answers(HTTP_200=SweepUndoAnswer, problems=(404, 409)), tags=["sweep"])
def undo_sweep(json: SweepUndoRequest) -> SweepUndoAnswer:
    """Undo a page and lease its images again."""
    project, seconds = context().project, context().settings.lease_seconds
    with project.database.write() as session:
        me = labeller_id()
        target, tasks = undo_page(
            project,
            session,
            me,
            idempotency_key(),
            json.submission,
            left_out=json.left_out,
            lease_seconds=seconds,
        )
        progress = progress_out(session, me)
    leases = [SweepLeaseOut(image_id=task.image_id, lease=task.lease) for task in tasks]
    return SweepUndoAnswer(submission=target.key, images=leases, progress=progress)


def _image(task: Task, attribute: str, seconds: int) -> SweepImageOut:
    suggestion = next((cell.suggestion for cell in task.cells if cell.attribute == attribute), None)
    return SweepImageOut(
        **leased_image(task, seconds),
        suggestion=SuggestionOut.model_validate(suggestion) if suggestion else None,
    )


def _search(page: SearchPage) -> SearchOut:
    recall = page.recall
    return SearchOut(
        found=recall.found,
        missed=round(recall.missed, 2),
        recall=recall.recall,
        low=recall.low,
        high=recall.high,
        enough=recall.is_enough,
        next_page=round(recall.next_page, 2),
        images=recall.images_to_target,
        answered=page.answered,
        source=page.source,
        mostly=page.mostly_members,
        other=page.other,
    )
