"""The API of the label page: schema, tasks, annotations, undo, progress."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint

from annotator.database import Session, Writers
from annotator.domain.schema import Attribute
from annotator.errors import WrongUse
from annotator.services.annotation.submit import Submitted, submit, undo
from annotator.services.common.progress import read_progress
from annotator.services.people.directory import people_names
from annotator.services.rounds.status import attribute_counts
from annotator.services.schema.active import ActiveSchema, active_schema
from annotator.services.schema.example_images import example_images
from annotator.services.schema.open_values import person_names
from annotator.services.tasks.assigned import is_assigned_to_others
from annotator.services.tasks.leases import renew_leases
from annotator.services.tasks.queue import lease_again, next_tasks
from annotator.services.tasks.task import Task
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import ExclusionOut, ProgressOut, answers, spec
from annotator.web.http.media import example_url
from annotator.web.label.contracts import (
    AnnotationAnswer,
    AnnotationRequest,
    AskedFaceOut,
    AttributeOut,
    ExampleOut,
    NextAnswer,
    NextRequest,
    ProgressDetail,
    SchemaOut,
    TaskFaceOut,
    TaskOut,
    UndoAnswer,
    UndoRequest,
    ValueOut,
    cells_out,
    leased_image,
    tile_url_out,
)

label_api = Blueprint("label_api", __name__, url_prefix="/api/v1")

MOST_SENT = 500
"""Up to this many people, the schema contains all names; beyond it, the label page searches for names while somebody types."""


@label_api.get("/schema")
@spec.validate(resp=answers(HTTP_200=SchemaOut), tags=["label"])
def get_schema() -> SchemaOut:
    """The attributes in the order of the label page."""
    with context().project.database.read() as session:
        active = active_schema(session)
        hashes = example_images(session, active.schema)
        return SchemaOut(
            attributes=[_attribute(a, hashes, _values(session, active, a)) for a in active.schema.attributes]
        )


@label_api.post("/tasks/next")
@spec.validate(resp=answers(HTTP_200=NextAnswer), tags=["label"])
def next_work(json: NextRequest) -> NextAnswer:
    """Lease images that nobody holds, most uncertain first, and renew the leases that the page holds."""
    project, seconds = context().project, context().settings.lease_seconds
    with project.database.write(durable=False, among=Writers.ASSIGNING) as session:
        me = labeller_id()
        renewed, lost = renew_leases(session, me, json.holding, seconds)
        tasks = next_tasks(
            project,
            session,
            me,
            count=json.count,
            lease_seconds=seconds,
            attribute=json.attribute,
            skipped=json.skipped,
        )
        return NextAnswer(
            tasks=_tasks(session, tasks, seconds),
            progress=progress_out(session, me),
            renewed=renewed,
            lost=lost,
            reserved=not tasks and is_assigned_to_others(session, me),
        )


@label_api.post("/annotations")
@spec.validate(resp=answers(HTTP_200=AnnotationAnswer, problems=(404, 409)), tags=["label"])
def annotate(json: AnnotationRequest) -> AnnotationAnswer:
    """Store an answer; it is durable when this returns. Repeating a key changes nothing."""
    submitted = Submitted(
        key=idempotency_key(),
        image_id=json.image_id,
        lease=json.lease,
        values=json.values,
        accepted=frozenset(json.accepted),
        corrected=frozenset(json.corrected),
        skip=json.skip,
        milliseconds=json.milliseconds,
        reason=json.reason or None,
    )
    if submitted.skip == bool(submitted.values):
        raise WrongUse(
            "bad_request", "An answer needs values, and a skip has none.", do="Send values or a skip."
        )
    if submitted.reason and not submitted.skip:
        raise WrongUse("bad_request", "Only a skip has a reason.", do="Send a note on an image to /flags.")
    with context().project.database.write(among=Writers.ANSWERING) as session:
        me = labeller_id()
        outcome = submit(session, me, submitted)
        progress = progress_out(session, me)
    return AnnotationAnswer(
        submission=outcome.key,
        image_id=outcome.image_id,
        labels=outcome.labels,
        late=outcome.late,
        excluded=ExclusionOut.model_validate(outcome.excluded) if outcome.excluded else None,
        progress=progress,
    )


@label_api.post("/annotations/undo")
@spec.validate(resp=answers(HTTP_200=UndoAnswer, problems=(404, 409)), tags=["label"])
def undo_annotation(json: UndoRequest) -> UndoAnswer:
    """Undo an answer, a skip or an exclusion, and lease its image again."""
    project, seconds = context().project, context().settings.lease_seconds
    with project.database.write() as session:
        me = labeller_id()
        target, values = undo(session, me, idempotency_key(), json.submission)
        assert target.image_id is not None
        task = lease_again(project, session, target.image_id, me, seconds)
        tasks = _tasks(session, [task] if task else [], seconds)
        return UndoAnswer(
            submission=target.key,
            task=tasks[0] if tasks else None,
            values=values,
            progress=progress_out(session, me),
        )


@label_api.get("/progress")
@spec.validate(resp=answers(HTTP_200=ProgressDetail), tags=["label"])
def get_progress() -> ProgressDetail:
    """How many images are done, and how many labels each attribute has."""
    with context().project.database.read() as session:
        counts, counted_at = attribute_counts(session)
        return ProgressDetail(
            **progress_out(session, labeller_id()).model_dump(), attributes=counts, counted_at=counted_at
        )


def progress_out(session: Session, me: int) -> ProgressOut:
    """The counts of images as the labeller `me` sees them."""
    return ProgressOut.model_validate(read_progress(session, me))


def _values(session: Session, active: ActiveSchema, attribute: Attribute) -> list[ValueOut] | None:
    """The values that can be chosen; None for an open attribute with too many people to send."""
    if attribute.kind == "categorical":
        return [
            ValueOut(code=v.code, name=v.name, ends=v.ends) for v in attribute.values if v.status == "active"
        ]
    number = active.ids[attribute.name]
    people = people_names(session, number, MOST_SENT if active.identity == (number, attribute.name) else None)
    return None if people is None else [ValueOut(code=code, name=name, ends=False) for code, name in people]


def _attribute(
    attribute: Attribute, hashes: Mapping[str, str], values: list[ValueOut] | None
) -> AttributeOut:
    return AttributeOut(
        name=attribute.name,
        title=attribute.title,
        kind=attribute.kind,
        key=attribute.key,
        required=attribute.required,
        values=values or [],
        searched=values is None,
        guideline=attribute.guideline,
        examples=[
            ExampleOut(
                image_name=e.image,
                image_url=example_url(e.image, hashes),
                code=e.code,
            )
            for e in attribute.examples
        ],
    )


def _tasks(session: Session, tasks: list[Task], seconds: int) -> list[TaskOut]:
    names = person_names(session, [task.labels for task in tasks])
    return [_task(task, seconds, people) for task, people in zip(tasks, names, strict=True)]


def _task(task: Task, seconds: int, names: dict[str, str]) -> TaskOut:
    return TaskOut(
        **leased_image(task, seconds),
        cells=cells_out(task),
        labels=task.labels,
        names=names,
        face=AskedFaceOut.model_validate(task.face) if task.face else None,
        faces=task.faces and [TaskFaceOut.model_validate(face) for face in task.faces],
        tile_url=tile_url_out(task),
    )
