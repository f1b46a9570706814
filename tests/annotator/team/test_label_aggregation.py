"""Aggregation in a project: labels follow from several votes, and from nothing else."""

import json
import subprocess
import sys
from pathlib import Path

from sqlalchemy import func, select

from annotator.models import Annotation, Image, Submission
from annotator.project import ProjectFolder
from annotator.services.annotation.submit import Submitted, submit
from annotator.services.review.details import read_image
from annotator.services.review.queue import review_queue
from annotator.services.team.aggregation import AggregationReport, aggregate, preview_aggregation
from annotator.services.team.gold import import_gold
from tests.support.projects.labelling import ALL, Person, labels_of
from tests.support.projects.reviewing import save_correction
from tests.support.projects.team import set_team_settings, vote_on_glasses


def origins(project: ProjectFolder, image: int) -> list[str]:
    with project.database.read() as session:
        return [
            said.origin
            for cell in read_image(project, session, image).cells
            if cell.attribute == "glasses"
            for said in cell.history
        ]


def test_what_most_people_said_becomes_the_label(filled: ProjectFolder):
    vote_on_glasses(filled, 0, 2, 2)
    with filled.database.read() as session:
        preview = preview_aggregation(session)
    assert preview == AggregationReport("majority", cells=240, changed=40, undecided=0)
    assert aggregate(filled) == preview
    assert labels_of(filled, 5) == ALL | {"glasses": 2}
    assert origins(filled, 5) == ["human", "opinion", "opinion", "aggregate"]
    assert aggregate(filled).changed == 0


def test_dawid_skene_hears_the_careful_one_where_the_careless_disagree(filled: ProjectFolder):
    set_team_settings(filled, overlap_share=1.0, overlap_opinions=4, aggregation="dawid_skene")
    careful, other, lazy, lazier = (Person(filled, name) for name in ("Ada", "Bob", "Cleo", "Dan"))
    for person, answer in (
        (lazy, lambda _: 0),
        (careful, lambda image: image % 2),
        (other, lambda image: image % 2),
        (lazier, lambda _: 0),
    ):
        for task in person.next(40):
            person.answer(task, ALL | {"glasses": answer(task.image_id)})
    report = aggregate(filled)  # two against two: by majority each odd image would be a tie
    assert (report.changed, report.undecided) == (20, 0)
    assert [labels_of(filled, image)["glasses"] for image in (5, 6)] == [1, 0]


def test_dawid_skene_hears_who_is_right_about_gold_against_two_who_are_not(
    filled: ProjectFolder, tmp_path: Path
):
    set_team_settings(filled, aggregation="dawid_skene")
    people = [Person(filled, name) for name in ("Ada", "Bob", "Cleo")]
    for number, person in enumerate(people):
        for image in range(1, 41):
            said = Submitted(f"{number} {image}", image, None, ALL | {"glasses": 0 if number else image % 2})
            with filled.database.write() as session:
                submit(session, person.id, said)
    aggregate(filled)
    assert {labels_of(filled, image)["glasses"] for image in range(1, 41)} == {0}
    with filled.database.read() as session:
        names = dict(session.execute(select(Image.id, Image.name)).all())
    table = tmp_path / "gold.csv"
    rows = [f"{names[image]},{image % 2}" for image in range(1, 21)]
    table.write_text("\n".join(["image_name,glasses", *rows]) + "\n")
    import_gold(filled, people[0].id, table)
    aggregate(filled)
    assert [labels_of(filled, image)["glasses"] for image in range(21, 41)] == [1, 0] * 10
    # What is gold is measured by, and no label of it follows from opinions.
    assert origins(filled, 1)[-2:] == ["aggregate", "undo"]


def test_an_aggregation_undoes_the_previous_one(filled: ProjectFolder):
    people = vote_on_glasses(filled, 0, 2, 2)
    aggregate(filled)
    with filled.database.read() as session:
        keys = session.scalars(
            select(Submission.key).where(Submission.image_id == 5, Submission.labeller_id == people[2].id)
        )
        [key] = keys
    people[2].undo(key)
    report = aggregate(filled)
    assert (report.changed, report.undecided) == (1, 1)
    assert labels_of(filled, 5)["glasses"] == 0
    assert labels_of(filled, 6)["glasses"] == 2


def test_what_a_reviewer_decided_is_never_aggregated(filled: ProjectFolder):
    vote_on_glasses(filled, 0, 2, 2)
    save_correction(filled, Person(filled), 5, {"glasses": 1}, "d", adjudicate=True)
    assert aggregate(filled).changed == 39
    assert labels_of(filled, 5)["glasses"] == 1
    save_correction(filled, Person(filled), 6, {"glasses": 0}, "e", adjudicate=True)
    assert aggregate(filled).changed == 0
    assert labels_of(filled, 6)["glasses"] == 0


def test_a_tie_goes_to_the_review_queue_until_it_is_decided(filled: ProjectFolder):
    vote_on_glasses(filled, 0, 2)
    report = aggregate(filled)
    assert (report.cells, report.changed, report.undecided) == (240, 0, 40)

    def waiting() -> list[int]:
        with filled.database.read() as session:
            page = review_queue(filled, session, "undecided", after=None, limit=50)
            return [image.id for image in page.images]

    assert len(waiting()) == 40
    save_correction(filled, Person(filled), 5, {"glasses": 2}, "d", adjudicate=True)
    assert sorted(waiting()) == [image for image in range(1, 41) if image != 5]


def test_the_same_key_aggregates_once_and_the_history_tells_the_origin(filled: ProjectFolder):
    vote_on_glasses(filled, 0, 2, 2)
    assert aggregate(filled, "k").changed == 40
    assert aggregate(filled, "k").changed == 40
    with filled.database.read() as session:
        query = select(func.count()).select_from(Annotation).where(Annotation.origin == "aggregate")
        assert session.scalar(query) == 40


def test_the_command_previews_and_aggregates(filled: ProjectFolder):
    vote_on_glasses(filled, 0, 2, 2)
    command = [sys.executable, "-m", "annotator", "aggregate", "-p", str(filled.path)]
    preview = subprocess.run([*command, "--preview", "--json"], capture_output=True, text=True, check=True)
    assert json.loads(preview.stdout) == {"method": "majority", "cells": 240, "changed": 40, "undecided": 0}
    assert labels_of(filled, 5)["glasses"] == 0
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "40 labels changed" in done.stdout
    assert labels_of(filled, 5)["glasses"] == 2
