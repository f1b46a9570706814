"""Regrouping in the database equals the grouping rule applied to all images."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from annotator.domain.grouping.components import Member, group_members
from annotator.domain.grouping.splits import own_group, shared_group
from annotator.models import (
    Annotation,
    AttributeRow,
    GroupDecision,
    Image,
    ImageGroup,
    Label,
    Project,
    Submission,
    ValueRow,
    now,
)
from annotator.project import ProjectFolder
from annotator.services.grouping.membership import split_rule
from annotator.services.grouping.rebuild import regroup_all
from annotator.services.projects import init_project

UNKNOWN = 3
GROUPING = ("glasses", "identity")  # in the order of the schema


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectFolder]:
    """People and glasses form groups; one of the people is "unknown person"."""
    made = init_project(tmp_path / "project")
    with made.database.write() as session:
        session.execute(update(AttributeRow).where(AttributeRow.name.in_(GROUPING)).values(groups=True))
        session.execute(update(Project).values(schema_version=Project.schema_version + 1))
        identity = session.scalars(select(AttributeRow.id).where(AttributeRow.name == "identity")).one()
        for code in range(6):
            name = "unknown person" if code == UNKNOWN else f"Person {code}"
            session.add(
                ValueRow(
                    attribute_id=identity, code=code, name=name, status="active", ends=False, replaced_by=[]
                )
            )
    yield made
    made.database.close()


@pytest.mark.parametrize("glasses", [0.0, 0.1])
def test_all_images_get_the_group_that_the_rule_gives_them(project: ProjectFolder, glasses: float):
    for seed in range(12):
        chance = Random(seed)
        members, joins = draw(chance, glasses)
        expected = group_members(members, joins)
        with project.database.write() as session:
            write(session, chance, members, joins)
            before = dict(session.execute(select(Image.id, Image.group)).all())
            assert regroup_all(session) == sum(expected[n] != before[n] for n in expected)
            rows = session.execute(select(Image.id, Image.group, Image.split)).all()
            assert {number: group for number, group, _ in rows} == expected
            rule = split_rule(session)
            moved = [row for row in rows if row.group != before[row.id]]
            assert all(row.split == rule.split_of(row.group) for row in moved)
            counts = dict(session.execute(select(ImageGroup.key, ImageGroup.images)).all())
            assert sum(counts.values()) == len(members)
            assert regroup_all(session) == 0


def draw(chance: Random, glasses: float) -> tuple[list[Member], list[tuple[int, int]]]:
    """Images with all kinds of ties; most have no tie, or only their person."""
    members = []
    count = chance.randint(2, 25)
    for number in range(1, count + 1):
        people = []
        if chance.random() < glasses:
            people.append(shared_group("glasses", chance.randint(0, 2)))
        if chance.random() < 0.7:
            people.append(shared_group("identity", chance.randint(0, 5)))
        given = chance.choice([None] * 8 + ["video:a", "video:b"])
        original = (
            chance.randint(1, number - 1) if number > 1 and not given and chance.random() < 0.1 else None
        )
        somebody = tuple(p for p in people if p != shared_group("identity", UNKNOWN))
        members.append(Member(number, f"{chance.getrandbits(256):064x}", somebody, given, original))
    joins = [(chance.randint(1, count - 1), count)] if chance.random() < 0.3 else []
    return members, joins


def write(session: Any, chance: Random, members: list[Member], joins: list[tuple[int, int]]) -> None:
    """Replace the images of the project, with groups that may be wrong."""
    for table in (Label, Annotation, Submission, GroupDecision, Image):
        session.execute(delete(table))
    for member in members:
        group = chance.choice([own_group(member.sha256)] * 2 + ["video:a", "identity:1"])
        session.execute(
            insert(Image).values(
                id=member.id, name=str(member.id), sha256=member.sha256, extension="jpg", width=1, height=1,
                source="s", original_path="s", group=group, given_group=member.given, twin_of=member.twin_of,
                split="train", shuffle=1, open_cells=1, created_at=now(),
            )
        )  # fmt: skip
    session.execute(
        insert(Submission).values(
            id=1, key="k", kind="answer", fingerprint="", labeller_id=1, late=False, created_at=now()
        )
    )
    ids = dict(session.execute(select(AttributeRow.name, AttributeRow.id)).all())
    unknown = shared_group("identity", UNKNOWN)
    for member in members:
        named = [person.rsplit(":", 1) for person in member.people]
        if "identity" not in dict(named):  # nobody, "can't tell" or "unknown person" ties nothing
            named.append(["identity", chance.choice(["", unknown.rsplit(":", 1)[1]])])
        for attribute, code in named:
            cell = {
                "image_id": member.id,
                "attribute_id": ids[attribute],
                "code": int(code) if code else None,
            }
            answer = session.scalar(
                insert(Annotation).values(submission_id=1, origin="human", **cell).returning(Annotation.id)
            )
            session.execute(insert(Label).values(annotation_id=answer, **cell))
    for number, (first, second) in enumerate(joins):
        session.execute(
            insert(GroupDecision).values(
                key=str(number),
                kind="join",
                first_id=first,
                second_id=second,
                labeller_id=1,
                created_at=now(),
            )
        )
