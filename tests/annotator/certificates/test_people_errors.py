"""Measured errors of people: the plan warns of them, and the certificate and the card say what they may take of the target."""

import json
from pathlib import Path

from sqlalchemy import select

from annotator.domain.certificates.people import PeopleErrors
from annotator.domain.certificates.target import Target
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.models import Image, Label
from annotator.project import ProjectFolder
from annotator.services.annotation.submit import Submitted, submit
from annotator.services.certificates.people import AnswerNoise
from annotator.services.certificates.plan import plan_attributes
from annotator.services.certificates.words import status_sentence
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.schema.active import active_schema
from annotator.services.tasks.settings import team_settings
from tests.support.projects.certificates import answer_of, certifiable, fill, status_of, truth_of
from tests.support.projects.labelling import Person
from tests.support.projects.team import set_team_settings

WRONG = 0.2
"""The share of wrong answers of the second person."""


def measured(project: ProjectFolder) -> PeopleErrors:
    """Let two people answer 60 images; the second one errs often."""
    set_team_settings(project, overlap_share=0.3, overlap_opinions=2)
    right, hasty = Person(project, "right"), Person(project, "hasty")
    with project.database.write() as session:
        labelled = select(Label.image_id)
        chosen = Image.shuffle < team_settings(session).overlap_end, Image.id.not_in(labelled)
        overlapped = session.scalars(select(Image.id).where(*chosen).limit(60)).all()
        for place, image in enumerate(overlapped):
            values = answer_of(image)
            submit(session, right.id, Submitted(f"right {image}", image, None, values))
            if place % round(1 / WRONG) == 0:
                values = values | {"glasses": (truth_of(image) + 1) % 3}
            submit(session, hasty.id, Submitted(f"hasty {image}", image, None, values))
    with project.database.read() as session:
        errors = AnswerNoise(session, active_schema(session)).of("glasses")
    assert errors is not None
    return errors


def test_the_plan_warns_and_the_certificate_says_what_people_may_take_of_the_target(tmp_path: Path):
    project = certifiable(tmp_path / "project")
    with project.database.read() as session:
        assert AnswerNoise(session, active_schema(session)).of("glasses") is None
        [nothing] = plan_attributes(project, session, [Target(0.01, None)]).attributes
    assert nothing.plans[0].warning == ""
    people = measured(project)
    assert people.source == "pairs"
    assert people.low < WRONG / 2 < people.high
    targets = [Target(0.01, None), Target(0.25, None)]
    with project.database.read() as session:
        [planned] = plan_attributes(project, session, targets).attributes
    strict, loose = (plan.warning for plan in planned.plans)
    assert strict.startswith("People themselves err more often than in 1 %: about ")
    assert loose == ""
    number = fill(project, Target(0.25, None))
    status = status_of(project, number)
    assert PeopleErrors.from_json(status.plan["people"]).answers >= people.answers
    assert "Answers of people count as right, although about " in status_sentence(status)
    export_snapshot(project, tmp_path / "snapshot", SnapshotOptions())
    [entry] = json.loads((tmp_path / "snapshot" / "certificates.json").read_text())["certificates"]
    assert entry["people"] == status.plan["people"]
    assert "people" not in entry["plan"]
    assert "of the target error: from the truth" in (tmp_path / "snapshot" / "card.md").read_text()
    project.database.close()


def test_what_is_measured_is_told_by_its_interval():
    often = PeopleErrors("gold", 200, 0.05, 0.03, 0.09)
    assert "err more often than in 1 %" in often.warning(0.01)
    assert "may use up 4 %" in often.warning(0.04)
    assert often.warning(0.06) == ""
    assert "more than the whole target error" in often.sentence(0.01)
    assert "perhaps all of the target error" in often.sentence(0.06)
    assert "50 % of the target error" in often.sentence(0.1)
    assert PeopleErrors.from_json(json.loads(json.dumps(often.to_json()))) == often
