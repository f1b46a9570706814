"""Whatever happens in whatever order, `open_cells` and the count of done images are those of a fresh count."""

import random
import secrets
from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from annotator.domain.schema import Attribute, Schema, Value
from annotator.domain.states import CertificateState
from annotator.errors import FacelabelError, NotFound
from annotator.models import Certificate, CertificateCell, Image, Label, Predictions, now
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import SweptCell, SweptPage, submit_page
from annotator.services.annotation.take_back import take_back, undo_take_back
from annotator.services.annotation.take_back_choice import Selection
from annotator.services.certificates import batches
from annotator.services.certificates.undo import undo_certificate
from annotator.services.erasure.journal import begin_erasure
from annotator.services.erasure.scope import Request
from annotator.services.schema.active import active_schema, read_schema
from annotator.services.schema_editing.changes import apply_schema
from tests.support.projects.certificates import assert_open_cells_are_right
from tests.support.projects.excluding import exclude_images, restore_images, undo_last_exclusion
from tests.support.projects.labelling import Person
from tests.support.projects.reviewing import save_correction

FILLED = ("wrinkles", "glasses")
"""Attributes whose cells are filled."""


class Sequence:
    """A project in which things happen at random, and the check of its counts."""

    def __init__(self, project: ProjectFolder, seed: int) -> None:
        self.project, self.chance, self.me = project, random.Random(seed), Person(project)
        with project.database.write() as session:
            session.add(
                Predictions(
                    path="gone",
                    content_hash="0",
                    schema_hash="0",
                    rows=0,
                    unknown=0,
                    cursor=0,
                    loaded_at=now(),
                )
            )
        self.steps = [
            self.fill, self.fill, self.work, self.work, self.work, self.answer, self.answer, self.undo, self.end, self.exclude,
            self.restore, self.undo_exclusion, self.correct, self.sweep, self.take_back, self.undo_take_back, self.change_schema,
            self.erase,
        ]  # fmt: skip
        self.happened: set[str] = set()

    def run(self, steps: int) -> None:
        for _ in range(steps):
            step = self.chance.choice(self.steps)
            try:
                step()
            except FacelabelError:
                continue  # there was nothing to undo, or it is refused in this state
            self.happened.add(step.__name__)
            assert_open_cells_are_right(self.project)

    def some(self, count: int) -> list[int]:
        with self.project.database.read() as session:
            images = list(session.scalars(select(Image.id).order_by(Image.id)))
        return self.chance.sample(images, min(count, len(images)))

    def fill(self) -> None:
        """What a certificate holds once its sample has passed."""
        with self.project.database.write() as session:
            active = active_schema(session)
            [attribute] = self.chance.sample([active.ids[n] for n in FILLED if n in active.ids], 1)
            labelled = set(session.scalars(select(Label.image_id).where(Label.attribute_id == attribute)))
            row = Certificate(
                key=secrets.token_hex(8), attribute_id=attribute, state=CertificateState.FILLING, attempt=1,
                predictions_id=1, schema_hash="", target={}, plan={}, outcome={"level": 1}, labeller_id=self.me.id,
                created_at=now(), drawn_at=now(), decided_at=now(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            cells = [
                {"certificate_id": row.id, "image_id": image, "level": self.chance.randint(1, 2), "code": 0, "probability": 0.9}
                for image in self.some(25)
                if image not in labelled
            ]  # fmt: skip
            if cells:
                session.execute(insert(CertificateCell), cells)

    def work(self) -> None:
        """Some pieces of the worker's work."""
        for _ in range(self.chance.randint(1, 8)):
            batches.continue_certificates(self.project)

    def answer(self) -> None:
        with self.project.database.read() as session:
            schema = active_schema(session).schema
        for task in self.me.next(4):
            asked = [cell.attribute for cell in task.cells if schema[cell.attribute].kind == "categorical"]
            values = {name: self.code_of(schema[name]) for name in asked if self.chance.random() < 0.9}
            self.me.answer(task, values)

    def code_of(self, attribute: Attribute) -> int | None:
        codes = [value.code for value in attribute.values if value.status == "active"]
        return self.chance.choice([*codes[:2], None])

    def undo(self) -> None:
        self.me.undo()

    def end(self) -> None:
        with self.project.database.write() as session:
            numbers = list(session.scalars(select(Certificate.id)))
            if not numbers:
                raise NotFound("none", "There is no certificate.")
            undo_certificate(session, self.chance.choice(numbers), self.me.id)

    def exclude(self) -> None:
        exclude_images(self.project, *self.some(3))

    def restore(self) -> None:
        restore_images(self.project, *self.some(10))

    def undo_exclusion(self) -> None:
        undo_last_exclusion(self.project)

    def correct(self) -> None:
        with self.project.database.read() as session:
            attribute = self.chance.choice(
                [a for a in active_schema(session).schema.attributes if a.kind == "categorical"]
            )
        values = {attribute.name: self.code_of(attribute)}
        save_correction(self.project, self.me, self.some(1)[0], values, secrets.token_hex(8))

    def sweep(self) -> None:
        cells = tuple(SweptCell(image, None, 1) for image in self.some(5))
        with self.project.database.write() as session:
            submit_page(session, self.me.id, SweptPage(secrets.token_hex(8), "wrinkles", cells))

    def take_back(self) -> None:
        with self.project.database.write() as session:
            take_back(session, self.me.id, secrets.token_hex(8), Selection(labeller_id=self.me.id))

    def undo_take_back(self) -> None:
        with self.project.database.write() as session:
            undo_take_back(session, self.me.id, secrets.token_hex(8), None)

    def erase(self) -> None:
        if self.chance.random() < 0.3:
            begin_erasure(self.project, "local", secrets.token_hex(8), Request("images", tuple(self.some(1))))

    def change_schema(self) -> None:
        with self.project.database.write() as session:
            schema = read_schema(session)
            place = self.chance.choice(
                [n for n, a in enumerate(schema.attributes) if a.kind == "categorical"]
            )
            attributes = list(schema.attributes)
            attributes[place] = self.changed(attributes[place])
            apply_schema(session, Schema(tuple(attributes)), labeller_id=self.me.id, key=secrets.token_hex(8))

    def changed(self, attribute: Attribute) -> Attribute:
        kind = self.chance.choice(["optional", "call", "add", "split"])
        code = max(value.code for value in attribute.values) + 1
        new = Value(code, f"new {code}")
        if kind == "optional":
            return replace(attribute, required=not attribute.required)
        if kind == "call":
            return replace(attribute, title=f"{attribute.title} {code}")
        if kind == "add":
            return replace(attribute, values=(*attribute.values, new))
        first, *rest = attribute.values
        if first.status != "active":
            return attribute
        parts = (new, Value(code + 1, f"new {code + 1}"))
        gone = replace(first, status="retired", replaced_by=tuple(part.code for part in parts))
        return replace(attribute, values=(gone, *rest, *parts))


def test_open_cells_are_right_after_any_sequence(
    filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch, soak: bool
):
    monkeypatch.setattr(batches, "BATCH_CELLS", 4)
    monkeypatch.setattr(batches, "UNDO_CELLS", 5)
    sequence = Sequence(filled, seed=1)
    sequence.run(2000 if soak else 60)
    assert sequence.happened >= {
        "fill",
        "work",
        "answer",
        "undo",
        "end",
        "exclude",
        "correct",
        "change_schema",
    }
