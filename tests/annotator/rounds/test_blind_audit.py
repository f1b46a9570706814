"""What the audit set measures on: answers that were given without a suggestion in sight."""

from annotator.project import ProjectFolder
from annotator.services.rounds.audit_set import read_audit_set
from annotator.services.rounds.loading import load_predictions
from annotator.services.schema.active import active_schema
from tests.support.predictions_folder import SURE, write_predictions
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person, labels_of
from tests.support.projects.reviewing import save_correction
from tests.support.projects.team import answer_everything


def measured(project: ProjectFolder) -> dict[str, int]:
    """Audit image → the code of the glasses on which rounds are measured; -1 if the image is not measured."""
    with project.database.read() as session:
        audit = read_audit_set(session, active_schema(session))
        codes = audit.labels["glasses"].tolist()
        return {name: code for (name, _), code in zip(audit.images, codes, strict=True)}


def load_sure_predictions(project: ProjectFolder) -> None:
    answers = dict.fromkeys(names_of(project), SURE)
    load_predictions(project, write_predictions(project, project.rounds / "1", answers))


def test_a_correction_after_the_first_predictions_changes_the_label_and_not_the_measure(
    filled: ProjectFolder,
):
    me, [name] = Person(filled), names_of(filled, split="test")
    image = image_of(filled, name)
    answer_everything([me], glasses=1)
    save_correction(filled, me, image, {"glasses": 2}, "before")
    assert measured(filled) == {name: 2}
    load_sure_predictions(filled)
    save_correction(filled, me, image, {"glasses": 0}, "after", adjudicate=True)
    assert labels_of(filled, image)["glasses"] == 0
    assert measured(filled) == {name: 2}
    # A decision for a value that somebody gave blind is measured.
    save_correction(filled, me, image, {"glasses": 1}, "blind value", adjudicate=True)
    assert measured(filled) == {name: 1}


def test_a_cell_that_nobody_answered_blind_is_not_measured(filled: ProjectFolder):
    load_sure_predictions(filled)
    me, [first, *_] = Person(filled), names_of(filled, split="test")
    save_correction(filled, me, image_of(filled, first), ALL, "c")
    assert measured(filled) == {first: -1}


def test_an_answer_that_was_undone_is_no_blind_answer(filled: ProjectFolder):
    load_sure_predictions(filled)
    me, audit = Person(filled), names_of(filled, split="test")
    [task] = [task for task in me.next(40) if task.image_name == audit[0]]
    me.answer(task, ALL | {"glasses": 0}, key="wrong")
    assert measured(filled) == {audit[0]: 0}
    me.undo("wrong")
    [again] = [task for task in me.next(40) if task.image_name == audit[0]]
    me.answer(again, ALL | {"glasses": 1})
    assert measured(filled) == {audit[0]: 1}
