"""Sequences of allowed schema changes: no label is lost, no code has two meanings, old snapshots stay readable."""

import secrets
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from annotator.domain.schema import Attribute, Schema, Value, parse_schema
from annotator.domain.schema_text import format_schema
from annotator.errors import FacelabelError
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.models import Annotation, AttributeRow, Image, Label, ValueRow
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.schema.active import active_schema, read_schema
from annotator.services.schema_editing.changes import apply_schema
from annotator.services.schema_editing.file import change_schema, schema_version
from tests.support.projects.labelling import Person
from tests.support.soak import FULL
from trainer.data.snapshot import Snapshot

Draw = Callable[[st.SearchStrategy[Any]], Any]
Cells = dict[tuple[int, int], int | None]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory, _filled: Path) -> Path:
    """A project with twelve finished images of all kinds of answers."""
    path = tmp_path_factory.mktemp("labelled") / "project"
    shutil.copytree(_filled, path)
    project = ProjectFolder.open(path)
    me = Person(project)
    for number, task in enumerate(me.next(12)):
        answers = {"wrinkles": number % 2, "freckles": None, "glasses": number % 3, "hair_color": number % 9}
        me.answer(
            task, answers | {"hair_top": number % 4, "not_human": 0, "identity": f"person {number % 4}"}
        )
    project.database.checkpoint()
    project.database.close()
    return path


def active(attribute: Attribute) -> list[Value]:
    return [value for value in attribute.values if value.status == "active"]


def fresh(attribute: Attribute, count: int = 1) -> tuple[Value, ...]:
    first = max(value.code for value in attribute.values) + 1
    return tuple(Value(code, f"new {code}") for code in range(first, first + count))


def with_value(attribute: Attribute, code: int, **changes: Any) -> Attribute:
    values = (replace(v, **changes) if v.code == code else v for v in attribute.values)
    return replace(attribute, values=tuple(values))


def changed(schema: Schema, draw: Draw) -> tuple[Schema, tuple[str, str, int, int | None]]:
    """A schema with one allowed change, and what that does: kind, attribute, code, the code it becomes."""
    kind = draw(
        st.sampled_from(
            ("rename", "add value", "call", "retire", "merge", "split", "reorder", "ask", "optional")
        )
    )
    chosen = draw(st.sampled_from([a for a in schema.attributes if a.kind == "categorical"]))
    value = draw(st.sampled_from(active(chosen)))
    told = (kind, chosen.name, value.code, None)
    others = [v for v in active(chosen) if v.code != value.code]
    if kind == "rename":
        name = f"renamed_{secrets.token_hex(4)}"
        new = replace(chosen, name=name, was=chosen.name, spellings=(*chosen.spellings, chosen.name))
    elif kind == "add value":
        new = replace(chosen, values=chosen.values + fresh(chosen))
    elif kind == "call":
        new = with_value(chosen, value.code, name=f"called {secrets.token_hex(4)}")
    elif kind == "retire" and len(others) > 1:
        new = with_value(chosen, value.code, status="retired")
    elif kind == "merge" and len(others) > 1:
        into = draw(st.sampled_from(others)).code
        told = (kind, chosen.name, value.code, into)
        new = with_value(chosen, value.code, status="retired", replaced_by=(into,))
    elif kind == "split":
        added = fresh(chosen, 2)
        new = with_value(chosen, value.code, status="retired", replaced_by=tuple(v.code for v in added))
        new = replace(new, values=new.values + added)
    elif kind == "optional":
        new = replace(chosen, required=not chosen.required)
    else:
        new = chosen
    attributes = [new if a.name == chosen.name else a for a in schema.attributes]
    if kind == "reorder":
        attributes = draw(st.permutations(attributes))
    if kind == "ask" and len(attributes) < 10:
        free = min(set("abdijklmnoqrsuvxyz") - {a.key for a in attributes})
        asked = Attribute(
            f"asked_{secrets.token_hex(4)}", "Asked", free, values=(Value(0, "no"), Value(1, "yes"))
        )
        attributes.append(asked)
    return Schema(tuple(attributes)), told


class Dataset:
    """A project, what its labels must be, and everything that was ever there."""

    def __init__(self, project: ProjectFolder) -> None:
        self.project = project
        with project.database.read() as session:
            self.schema = read_schema(session)
            self.cells = self.labels(session)
            self.said = self.annotations(session)
            self.codes = self.values(session)

    def labels(self, session: Any) -> Cells:
        return {
            (i, a): code
            for i, a, code in session.execute(select(Label.image_id, Label.attribute_id, Label.code))
        }

    def annotations(self, session: Any) -> dict[int, tuple[Any, ...]]:
        columns = (Annotation.submission_id, Annotation.image_id, Annotation.attribute_id)
        rows = session.execute(select(Annotation.id, *columns, Annotation.code, Annotation.origin))
        return {row[0]: tuple(row[1:]) for row in rows}

    def values(self, session: Any) -> dict[tuple[int, int], str]:
        rows = session.execute(select(ValueRow.attribute_id, ValueRow.code, ValueRow.status))
        return {(attribute, code): status for attribute, code, status in rows}

    def change(self, draw: Draw) -> None:
        wanted, (kind, name, code, into) = changed(self.schema, draw)
        with self.project.database.read() as session:
            number = session.scalars(select(AttributeRow.id).where(AttributeRow.name == name)).one()
            version = schema_version(session)
        change_schema(self.project, 1, secrets.token_hex(8), wanted, version)
        had = {cell: said for cell, said in self.cells.items() if cell[1] == number and said == code}
        if kind == "split":
            self.cells = {cell: said for cell, said in self.cells.items() if cell not in had}
        elif into is not None:
            self.cells |= dict.fromkeys(had, into)
        self.schema = wanted
        self.check()

    def check(self) -> None:
        with self.project.database.read() as session:
            assert self.labels(session) == self.cells
            said, codes = self.annotations(session), self.values(session)
            assert said.items() >= self.said.items()
            assert codes.keys() >= self.codes.keys()
            assert all(codes[c] == "retired" for c, status in self.codes.items() if status == "retired")
            self.said, self.codes = said, codes
            assert read_schema(session) == self.schema
            active = active_schema(session)
            for image, open_cells in session.execute(select(Image.id, Image.open_cells)):
                mine = {a: code for (i, a), code in self.cells.items() if i == image}
                assert open_cells == active.open_cells(mine)
        assert parse_schema(self.project.schema_file.read_text(encoding="utf-8")) == self.schema

    def refuse_reuse(self) -> None:
        """A retired code cannot be taken for something else."""
        for attribute in self.schema.attributes:
            for value in attribute.values:
                if value.status == "retired":
                    taken = with_value(attribute, value.code, name="else", status="active", replaced_by=())
                    wanted = tuple(taken if a.name == attribute.name else a for a in self.schema.attributes)
                    with self.project.database.write() as session, pytest.raises(FacelabelError) as refused:
                        apply_schema(session, Schema(wanted), labeller_id=1)
                    assert refused.value.code == "code_reused"


@pytest.mark.soak
@settings(max_examples=100 if FULL else 5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.integers(2, 8))
def test_any_sequence_of_changes_keeps_labels_codes_and_snapshots(
    tmp_path_factory: pytest.TempPathFactory, labelled: Path, data: st.DataObject, steps: int
):
    folder = tmp_path_factory.mktemp("sequence")
    shutil.copytree(labelled, folder / "project")
    project = ProjectFolder.open(folder / "project")
    dataset = Dataset(project)
    for step in range(steps):
        if step % 3 == 0:
            export_snapshot(
                project, folder / f"snapshot-{step}", SnapshotOptions(images="none"), history=True
            )
        dataset.change(data.draw)
    dataset.refuse_reuse()
    export_snapshot(project, folder / "snapshot-last", SnapshotOptions(images="none"), history=True)
    for snapshot in folder.glob("snapshot-*"):
        assert len(Snapshot.open(snapshot)) == 40
    project.database.close()
    shutil.rmtree(folder)


def text_of(**more: Any) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=("Cs",)), **more)


@given(text_of(max_size=40), text_of(max_size=200), text_of(min_size=1, max_size=30))
def test_what_is_written_is_what_is_read(title: str, guideline: str, name: str):
    name = name.strip() or "x"
    values = (Value(0, name if name != "can't tell" else "x"), Value(1, f"{name} too", ends=True))
    values += (Value(2, f"{name} 2", "retired", replaced_by=(0,)), Value(3, f"{name} 3", "retired"))
    attribute = Attribute(
        "a", title or "A", "k", values=values, guideline=guideline.strip(), spellings=("b",)
    )
    schema = Schema((attribute, Attribute("who", "Who", "w", "open", required=False, groups=True)))
    assert parse_schema(format_schema(schema, "# ours\n\nversion = 1")) == schema
