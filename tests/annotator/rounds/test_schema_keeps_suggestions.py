"""After a change of the schema, suggestions stay for the attributes whose values are as they were."""

from annotator.domain.schema import parse_schema
from annotator.project import ProjectFolder
from annotator.services.rounds.loading import load_predictions
from annotator.services.rounds.status import suggestion_sources
from annotator.services.schema_editing.changes import apply_schema
from tests.support.predictions_folder import write_cells
from tests.support.projects.images import names_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.schemas import DEFAULT_SCHEMA, SUNGLASSES

CELLS = {"wrinkles": [0.1, 0.9], "glasses": [0.1, 0.2, 0.7]}
BEARD = """
[[attribute]]
name = "beard"
title = "Beard"
key = "b"
values = [{ code = 0, name = "no" }, { code = 1, name = "yes" }]
"""


def change(project: ProjectFolder, text: str) -> None:
    with project.database.write() as session:
        apply_schema(session, parse_schema(text), labeller_id=1)


def suggested(project: ProjectFolder) -> dict[str, int]:
    """The suggestions of the next image of the train split."""
    for task in Person(project).next(40):
        if task.image_name in names_of(project, split="train"):
            return {cell.attribute: cell.suggestion.code for cell in task.cells if cell.suggestion}
    raise AssertionError("no image of the train split is left")


def with_predictions(project: ProjectFolder) -> None:
    cells = dict.fromkeys(names_of(project), CELLS)
    load_predictions(project, write_cells(project, project.rounds / "1" / "predictions", cells))


def test_a_renamed_value_and_a_new_attribute_leave_the_suggestions(filled: ProjectFolder):
    with_predictions(filled)
    renamed = DEFAULT_SCHEMA.replace(SUNGLASSES, SUNGLASSES.replace("sunglasses", "dark glasses"))
    change(filled, renamed + BEARD)
    assert suggested(filled) == {"wrinkles": 1, "glasses": 2}


def test_an_attribute_with_another_value_waits_for_the_next_round(filled: ProjectFolder):
    with_predictions(filled)
    change(filled, DEFAULT_SCHEMA.replace(SUNGLASSES, SUNGLASSES + ', { code = 3, name = "monocle" }'))
    assert suggested(filled) == {"wrinkles": 1}
    with filled.database.read() as session:
        assert [source["attribute"] for source in suggestion_sources(filled, session)] == ["wrinkles"]


def test_images_that_the_change_opens_again_are_in_the_order_of_the_predictions(filled: ProjectFolder):
    with_predictions(filled)
    me = Person(filled)
    for task in me.next(40):
        me.answer(task, ALL)
    assert me.next(1) == []
    change(filled, DEFAULT_SCHEMA + BEARD)
    assert [cell.attribute for cell in me.next(1)[0].cells if cell.attribute != "identity"] == ["beard"]
