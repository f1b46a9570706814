"""The API of the label page: schema, tasks, annotations, undo, progress."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint
from spectree import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.schema import Attribute
from annotator.domain.timestamps import utc_text
from annotator.errors import WrongUse
from annotator.models import Image
from annotator.services.annotation.submit import Submitted, submit, undo
from annotator.services.common.progress import read_progress
from annotator.services.people.directory import people_names
from annotator.services.rounds.status import attribute_counts
from annotator.services.schema.active import ActiveSchema, active_schema
from annotator.services.schema.open_values import person_names
from annotator.services.tasks.leases import renew_leases
from annotator.services.tasks.queue import lease_again, next_tasks
from annotator.services.tasks.task import Task
from annotator.web.http.context import context, idempotency_key, labeller_id
from annotator.web.http.contracts import (
    AnnotationAnswer,
    AnnotationRequest,
    AttributeOut,
    CellOut,
    ExampleOut,
    NextAnswer,
    NextRequest,
    ProblemAnswer,
    ProgressDetail,
    ProgressOut,
    SchemaOut,
    TaskFaceOut,
    TaskOut,
    UndoAnswer,
    UndoRequest,
    ValueOut,
    spec,
)

label_api = Blueprint("label_api", __name__, url_prefix="/api/v1")

MOST_SENT = 500
"""People of whom all names are sent with the schema; of more the label page asks while somebody types."""


@label_api.get("/schema")
@spec.validate(resp=Response(HTTP_200=SchemaOut), tags=["label"])
def get_schema() -> SchemaOut:
    """The attributes in the order of the page."""
    with context().project.database.read() as session:
        active = active_schema(session)
        attributes = active.schema.attributes
        hashes = _hashes(session, {e.image for a in attributes for e in a.examples})
        return SchemaOut(attributes=[_attribute(a, hashes, _values(session, active, a)) for a in attributes])


@label_api.post("/tasks/next")
@spec.validate(
    resp=Response(HTTP_200=NextAnswer, HTTP_400=ProblemAnswer, HTTP_403=ProblemAnswer), tags=["label"]
)
def next_work(json: NextRequest) -> NextAnswer:
    """Lease images that nobody holds, the most doubtful first, and renew the leases the page holds."""
    found = context()
    seconds = found.settings.lease_seconds
    with found.project.database.write(durable=False) as session:
        me = labeller_id()
        renewed, lost = renew_leases(session, me, json.holding, seconds)
        tasks = next_tasks(
            found.project, session, me, count=json.count, lease_seconds=seconds, attribute=json.attribute
        )
        progress = _progress(session, me)
        given = _tasks(session, tasks, seconds)
    return NextAnswer(tasks=given, progress=progress, renewed=renewed, lost=lost)


@label_api.post("/annotations")
@spec.validate(
    resp=Response(
        HTTP_200=AnnotationAnswer,
        HTTP_400=ProblemAnswer,
        HTTP_403=ProblemAnswer,
        HTTP_404=ProblemAnswer,
        HTTP_409=ProblemAnswer,
    ),
    tags=["label"],
)
def annotate(json: AnnotationRequest) -> AnnotationAnswer:
    """Keep an answer; it is durable when this returns. Repeating a key changes nothing."""
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
        raise WrongUse("bad_request", "An answer holds values, a skip holds none.", do="Send one of the two.")
    if submitted.reason and not submitted.skip:
        raise WrongUse("bad_request", "Only a skip has a reason.", do="Send a note on an image to /flags.")
    with context().project.database.write() as session:
        me = labeller_id()
        outcome = submit(session, me, submitted)
        progress = _progress(session, me)
    return AnnotationAnswer(
        submission=outcome.key,
        image_id=outcome.image_id,
        labels=outcome.labels,
        late=outcome.late,
        progress=progress,
    )


@label_api.post("/annotations/undo")
@spec.validate(
    resp=Response(
        HTTP_200=UndoAnswer,
        HTTP_400=ProblemAnswer,
        HTTP_403=ProblemAnswer,
        HTTP_404=ProblemAnswer,
        HTTP_409=ProblemAnswer,
    ),
    tags=["label"],
)
def take_back(json: UndoRequest) -> UndoAnswer:
    """Take an answer back and hand its image out again."""
    found = context()
    seconds = found.settings.lease_seconds
    with found.project.database.write() as session:
        me = labeller_id()
        target, values = undo(session, me, idempotency_key(), json.submission)
        assert target.image_id is not None
        task = lease_again(found.project, session, target.image_id, me, seconds)
        [given] = _tasks(session, [task], seconds) if task else [None]
        progress = _progress(session, me)
    return UndoAnswer(submission=target.key, task=given, values=values, progress=progress)


@label_api.get("/progress")
@spec.validate(resp=Response(HTTP_200=ProgressDetail), tags=["label"])
def get_progress() -> ProgressDetail:
    """How far the work is, per attribute too."""
    with context().project.database.read() as session:
        progress = _progress(session, labeller_id()).model_dump()
        counts, counted_at = attribute_counts(session)
        return ProgressDetail(
            **progress, attributes=counts, counted_at=utc_text(counted_at) if counted_at else None
        )


def _progress(session: Session, me: int) -> ProgressOut:
    return ProgressOut(**asdict(read_progress(session, me)))


def _hashes(session: Session, names: set[str]) -> dict[str, str]:
    """The SHA-256 of the images that have these names."""
    return dict(session.execute(select(Image.name, Image.sha256).where(Image.name.in_(names))).all())


def _media_url(sha256: str) -> str:
    return f"/media/{sha256}.jpg"


def _values(session: Session, active: ActiveSchema, attribute: Attribute) -> list[ValueOut] | None:
    """The values that can be chosen; None of people who are too many to be sent."""
    if attribute.kind == "categorical":
        return [
            ValueOut(code=v.code, name=v.name, ends=v.ends) for v in attribute.values if v.status == "active"
        ]
    number = active.ids[attribute.name]
    people = people_names(session, number, MOST_SENT if active.identity == (number, attribute.name) else None)
    return None if people is None else [ValueOut(code=code, name=name, ends=False) for code, name in people]


def _attribute(attribute: Attribute, hashes: dict[str, str], values: list[ValueOut] | None) -> AttributeOut:
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
                image_url=_media_url(hashes[e.image]) if e.image in hashes else None,
                code=e.code,
            )
            for e in attribute.examples
        ],
    )


def _tasks(session: Session, tasks: list[Task], seconds: int) -> list[TaskOut]:
    names = person_names(session, [task.labels for task in tasks])
    return [_task(task, seconds, of) for task, of in zip(tasks, names, strict=True)]


def _task(task: Task, seconds: int, names: dict[str, str]) -> TaskOut:
    return TaskOut(
        image_id=task.image_id,
        image_name=task.image_name,
        image_url=_media_url(task.sha256),
        width=task.width,
        height=task.height,
        lease=task.lease,
        lease_seconds=seconds,
        cells=[CellOut.model_validate(asdict(cell)) for cell in task.cells],
        labels=task.labels,
        names=names,
        face=TaskFaceOut(**asdict(task.face)) if task.face else None,
    )
