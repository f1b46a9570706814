"""The labelling queue: the most uncertain images first, then all others in a fixed random order."""

import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from annotator.errors import FacelabelError
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Image, Labeller, Lease, Predictions, Submission, now
from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from tests.support.predictions_folder import SURE, UNCERTAIN, write_cells, write_predictions
from tests.support.projects.images import names_of
from tests.support.projects.labelling import ALL, Person, lapse_leases
from tests.support.serving import Server


def uncertain_predictions(project: ProjectFolder, uncertain: list[str]) -> dict[str, list[float]]:
    return {name: UNCERTAIN if name in uncertain else SURE for name in names_of(project)}


def test_without_predictions_the_order_is_random_but_fixed(filled: ProjectFolder):
    first = [task.image_name for task in Person(filled).next(40)]
    lapse_leases(filled)
    assert [task.image_name for task in Person(filled, "other").next(40)] == first
    assert sorted(first) == names_of(filled)
    assert first != names_of(filled)


def test_uncertain_images_come_first(filled: ProjectFolder):
    uncertain = names_of(filled, split="train")[10:15]
    folder = write_predictions(
        filled, filled.rounds / "0001" / "predictions", uncertain_predictions(filled, uncertain)
    )
    report = load_predictions(filled, folder)
    assert (report.rows, report.unknown) == (40, 0)
    tasks = Person(filled).next(8)
    assert [task.image_name for task in tasks[:5]] == uncertain
    [glasses] = [cell for cell in tasks[0].cells if cell.attribute == "glasses"]
    assert glasses.suggestion is not None
    assert (glasses.suggestion.code, glasses.suggestion.probability) == (0, 0.4)
    assert all(cell.suggestion is None for cell in tasks[0].cells if cell.attribute != "glasses")


def test_images_that_the_project_does_not_know_are_counted_and_named(filled: ProjectFolder):
    everybody = uncertain_predictions(filled, []) | {"a stranger.jpg": SURE}
    report = load_predictions(filled, write_predictions(filled, filled.rounds / "1", everybody))
    assert (report.rows, report.unknown, report.unknown_names) == (41, 1, ["a stranger.jpg"])


def test_a_test_image_is_labelled_blind(filled: ProjectFolder):
    load_predictions(
        filled, write_predictions(filled, filled.rounds / "1", uncertain_predictions(filled, []))
    )
    blind = set(names_of(filled, split="test"))
    assert blind
    for task in Person(filled).next(40):
        shown = any(cell.suggestion for cell in task.cells)
        assert shown == (task.image_name not in blind)


def test_images_that_the_predictions_do_not_know_come_after_them(filled: ProjectFolder):
    some = names_of(filled)[:10]
    known = dict.fromkeys(some, SURE)
    load_predictions(filled, write_predictions(filled, filled.rounds / "1", known))
    order = [task.image_name for task in Person(filled).next(40)]
    assert sorted(order[:10]) == some
    assert sorted(order) == names_of(filled)


def test_images_that_the_project_does_not_know_are_reported_and_never_given_out(filled: ProjectFolder):
    known = uncertain_predictions(filled, []) | {"ghost.jpg": UNCERTAIN}
    report = load_predictions(filled, write_predictions(filled, filled.rounds / "1", known))
    assert (report.unknown, report.unknown_names) == (1, ["ghost.jpg"])
    assert "ghost.jpg" not in {task.image_name for task in Person(filled).next(40)}


def test_the_cursor_moves_over_what_is_done_and_nothing_is_left_out(filled: ProjectFolder):
    load_predictions(
        filled,
        write_predictions(filled, filled.rounds / "1", uncertain_predictions(filled, names_of(filled)[:20])),
    )
    me = Person(filled)
    seen = []
    while tasks := me.next(3):
        for task in tasks:
            me.answer(task, ALL)
            seen.append(task.image_name)
    assert sorted(seen) == names_of(filled)
    with filled.database.read() as session:
        assert session.scalar(select(Predictions.cursor)) == 40


def test_predictions_of_another_schema_are_refused_and_the_old_ones_stay(filled: ProjectFolder):
    uncertain = names_of(filled, split="train")[:3]
    load_predictions(
        filled, write_predictions(filled, filled.rounds / "1", uncertain_predictions(filled, uncertain))
    )
    wrong = write_predictions(
        filled, filled.rounds / "2", uncertain_predictions(filled, []), schema_hash="f" * 64
    )
    with pytest.raises(FacelabelError, match="another schema"):
        load_predictions(filled, wrong)
    assert [task.image_name for task in Person(filled).next(3)] == uncertain


def test_predictions_made_elsewhere_are_brought_in_by_the_import_command(
    filled: ProjectFolder, tmp_path: Path
):
    uncertain = names_of(filled, split="train")[4:7]
    folder = write_predictions(filled, tmp_path / "elsewhere", uncertain_predictions(filled, uncertain))
    for _ in range(2):
        command = [sys.executable, "-m", "annotator", "import", str(folder), "-p", str(filled.path)]
        assert (
            "40 images predicted"
            in subprocess.run(command, check=True, capture_output=True, text=True).stdout
        )
    shutil.rmtree(folder)
    assert [task.image_name for task in Person(filled).next(3)] == uncertain


def test_loading_the_same_predictions_twice_writes_one_row(filled: ProjectFolder):
    folder = write_predictions(filled, filled.rounds / "1", uncertain_predictions(filled, []))
    load_predictions(filled, folder)
    load_predictions(filled, folder)
    with filled.database.read() as session:
        assert len(list(session.scalars(select(Predictions.id)))) == 1


@pytest.mark.parametrize("name", ["predictions.arrow", "manifest.json"])
def test_any_changed_byte_of_predictions_is_found(filled: ProjectFolder, tmp_path: Path, name: str):
    folder = write_predictions(filled, tmp_path / "p", uncertain_predictions(filled, []))
    content = bytearray((folder / name).read_bytes())
    for place in range(0, len(content), max(1, len(content) // 50)):
        changed = bytearray(content)
        changed[place] ^= 1
        (folder / name).write_bytes(changed)
        with pytest.raises(FacelabelError):
            PredictionsFile(folder).verify()
    (folder / name).write_bytes(content)
    PredictionsFile(folder).verify()


def drawn(project: ProjectFolder) -> dict[str, float | None]:
    """What is kept of the answers: image → the probability of its draw."""
    with project.database.read() as session:
        query = select(Image.name, Submission.drawn).join(Image, Image.id == Submission.image_id)
        return dict(session.execute(query.order_by(Submission.id)).all())


def test_an_answer_keeps_whether_chance_or_the_rule_chose_its_image(filled: ProjectFolder):
    me = Person(filled)
    [first] = me.next()
    me.answer(first, ALL)
    assert drawn(filled) == {first.image_name: 1 / 40}, "without a model it is drawn from all that are open"
    known = [name for name in names_of(filled, split="train") if name != first.image_name][:3]
    cells = {name: {"glasses": UNCERTAIN} for name in known}
    folder = write_cells(filled, filled.rounds / "1", cells, drawn={known[1]: 0.25})
    load_predictions(filled, folder)
    tasks = me.next(4)
    for task in tasks:
        me.answer(task, ALL)
    chosen = {known[0]: 0.0, known[1]: 0.25, known[2]: 0.0, tasks[3].image_name: None}
    assert drawn(filled) == {first.image_name: 1 / 40} | chosen


def test_leases_of_a_clock_that_was_wrong_hold_no_image(server: Server, filled: ProjectFolder):
    client = server.client()
    assert client.next(40)["tasks"]
    Person(filled, "another")
    with filled.database.write() as session:
        other = session.scalar(select(Labeller.id).where(Labeller.name == "another"))
        session.execute(update(Lease).values(labeller_id=other, expires_at=now() + timedelta(days=300)))
    assert len(client.next(5)["tasks"]) == 5
    with filled.database.read() as session:
        assert session.scalars(select(Lease.labeller_id)).all() != []
        assert other not in session.scalars(select(Lease.labeller_id)).all()
