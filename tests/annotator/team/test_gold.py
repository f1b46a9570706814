"""Gold images: asked once of everybody, not recognisable, and without effect on labels."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from annotator.domain.metrics.statistics import Proportion
from annotator.errors import FacelabelError
from annotator.models import Annotation, Gold, Image, Label, now
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import SweptCell, SweptPage, submit_page
from annotator.services.exporting.label_files import write_labels
from annotator.services.review.details import read_image
from annotator.services.review.queue import review_queue
from annotator.services.tasks.cursor import GOLD_DELAY
from annotator.services.team.gold import import_gold, is_gold, make_gold, remove_gold
from annotator.services.team.label_noise import LabelNoise, RelabelCounts
from tests.support.projects.labelling import ALL, Person, labels_of
from tests.support.projects.team import answer_everything, answerers_of, make_gold_images, set_team_settings


def gold(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "annotator", "gold", *arguments, "-p", str(project)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_everybody_answers_each_gold_image_once_and_no_label_changes(filled: ProjectFolder):
    set_team_settings(filled, gold_share=0.5)
    make_gold_images(filled, 3, 7, 11)
    people = [Person(filled, name) for name in ("Ada", "Bob", "Cleo")]
    answer_everything(people, glasses=1)
    answered = answerers_of(filled)
    # Gold comes among other work only: who finds none left is not asked for it.
    assert answered.keys() - {3, 7, 11} == set(range(1, 41)) - {3, 7, 11}
    for image in (3, 7, 11):
        assert len(answered[image]) == len(set(answered[image])) > 0
        assert labels_of(filled, image) == ALL
    with filled.database.read() as session:
        query = select(Annotation.origin).where(Annotation.image_id.in_((3, 7, 11))).distinct()
        assert set(session.scalars(query)) == {"review", "opinion"}
        assert review_queue(filled, session, "opinions", after=None, limit=50).images == []
        assert not any(cell.differing for cell in read_image(filled, session, 3).cells)


def test_all_gold_reaches_everybody_of_a_small_project_when_no_new_image_is_left(filled: ProjectFolder):
    make_gold_images(filled, *range(1, 16))
    set_team_settings(filled, gold_share=0.05)
    ada, bob, author = Person(filled, "Ada"), Person(filled, "Bob"), Person(filled)
    with filled.database.write() as session:
        session.execute(update(Gold).values(created_at=now() - 2 * GOLD_DELAY))
    swept = SweptPage("s", "glasses", (SweptCell(3, None, 1),))
    with filled.database.write() as session:
        submit_page(session, bob.id, swept)
    answer_everything([ada, bob, author])
    asked = {image: people for image, people in answerers_of(filled).items() if image < 16}
    assert len(asked) == 15
    assert {tuple(sorted(people)) for people in asked.values()} == {
        tuple(sorted((ada.id, bob.id, author.id)))
    }


def test_a_gold_task_looks_like_any_other(filled: ProjectFolder):
    set_team_settings(filled, gold_share=0.5)
    make_gold_images(filled, *range(1, 21))
    tasks = Person(filled, "Bob").next(30)
    known = [task for task in tasks if task.image_id <= 20]
    others = [task for task in tasks if task.image_id > 20]
    assert known
    assert others
    assert {(tuple(task.cells), tuple(task.labels)) for task in known} == {
        (tuple(task.cells), tuple(task.labels)) for task in others
    }


def test_who_decided_a_gold_image_is_asked_too_an_hour_later_and_blind(filled: ProjectFolder):
    set_team_settings(filled, gold_share=0.5)
    make_gold_images(filled, 3, 7)
    author = Person(filled)
    answer_everything([author], glasses=1)
    assert {3, 7} & answerers_of(filled).keys() == set()
    with filled.database.write() as session:
        session.execute(update(Gold).values(created_at=now() - GOLD_DELAY))
        session.execute(update(Image).where(Image.id.in_(range(20, 41))).values(open_cells=1))
        session.execute(delete(Label).where(Label.image_id.in_(range(20, 41)), Label.attribute_id == 1))
    asked = {task.image_id: task for task in author.next(20)}
    assert {3, 7} <= asked.keys()
    assert asked[3].labels == {}
    author.answer(asked[3], ALL | {"glasses": 2})
    assert labels_of(filled, 3) == ALL
    assert 3 not in {task.image_id for task in author.next(20)}


def test_the_estimates_count_in_whole_sentences():
    def text(wrong: int, answers: int) -> str:
        noise = LabelNoise(
            "glasses", "Glasses", None, Proportion(wrong, answers), None, RelabelCounts(0, 0, 0)
        )
        return noise.text.partition(".")[0]

    assert text(1, 1) == "Glasses: 1 of 1 answer to gold images was wrong"
    assert text(0, 3) == "Glasses: 0 of 3 answers to gold images were wrong"
    assert text(1, 40) == "Glasses: 1 of 40 answers (2"


def test_a_label_that_was_imported_stays_as_well(filled: ProjectFolder, tmp_path: Path):
    set_team_settings(filled, gold_share=0.5)
    table = tmp_path / "gold.csv"
    table.write_text("image_name,glasses\n0001.jpg,2\n0002.jpg,0\nabsent.jpg,1\n")
    report = import_gold(filled, Person(filled).id, table)
    assert (report.images, report.answers, report.absent) == (2, 2, 1)
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    for task in ada.next(40):
        ada.answer(task, ALL | {"glasses": 1})
    assert labels_of(filled, 1)["glasses"] == 2
    answer_everything([bob], glasses=1, wrinkles=1)
    assert labels_of(filled, 1) == ALL | {"glasses": 2}


def test_only_what_a_reviewer_decided_becomes_gold_and_it_can_be_removed(filled: ProjectFolder):
    me = Person(filled)
    [task] = me.next()
    me.answer(task, ALL)
    with pytest.raises(FacelabelError, match="No reviewer"), filled.database.write() as session:
        make_gold(session, me.id, task.image_id)
    make_gold_images(filled, task.image_id)
    make_gold_images(filled, task.image_id)  # again: what was decided by now
    with filled.database.write() as session:
        assert is_gold(session, task.image_id)
        assert remove_gold(session, task.image_id) == 1
        assert not is_gold(session, task.image_id)


def test_the_command_adds_lists_and_removes(filled: ProjectFolder, faces: Path, tmp_path: Path):
    answers = faces / "answers.csv"
    assert json.loads(gold(filled.path, "add", str(answers), "--json").stdout)["images"] == 40
    table = tmp_path / "gold.csv"
    listed = json.loads(gold(filled.path, "list", "--csv", str(table), "--json").stdout)
    assert len(listed) == 40
    write_labels(filled, tmp_path / "labels.csv")
    assert table.read_text() == (tmp_path / "labels.csv").read_text(), (
        "every image is gold, and has these labels"
    )
    assert gold(filled.path, "remove", listed[0]["image_name"]).stdout == "1 image is no longer gold.\n"
    assert gold(filled.path, "remove").returncode == 2
    with filled.database.write() as session:
        assert remove_gold(session, None) == 39
