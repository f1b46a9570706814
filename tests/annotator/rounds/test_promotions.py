"""The predictions of an earlier round can be made active again, exactly once."""

import pytest
from sqlalchemy import func, select

from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import Label, Predictions, Submission
from annotator.project import ProjectFolder
from annotator.services.predictions.active import round_in_use
from annotator.services.rounds.promotion import promote
from annotator.services.schema.active import active_schema
from tests.support.projects.images import names_of
from tests.support.projects.labelling import Person, lapse_leases
from tests.support.projects.round_results import add_finished_round


def head_of_queue(project: ProjectFolder) -> str:
    [task] = Person(project).next(1)
    lapse_leases(project)
    return task.image_name


def in_use(project: ProjectFolder) -> int | None:
    with project.database.read() as session:
        return round_in_use(session, active_schema(session).hash)


def test_the_queue_follows_the_round_that_was_returned_to_until_the_next_one(filled: ProjectFolder):
    names = names_of(filled, split="train")
    first, second = add_finished_round(filled, names[3]), add_finished_round(filled, names[7])
    assert (in_use(filled), head_of_queue(filled)) == (second, names[7])
    promote(filled, "back", first, 1)
    assert (in_use(filled), head_of_queue(filled)) == (first, names[3])
    promote(filled, "forth", second, 1)
    assert (in_use(filled), head_of_queue(filled)) == (second, names[7])
    promote(filled, "back", first, 1)  # a repetition that comes late
    assert (in_use(filled), head_of_queue(filled)) == (second, names[7])
    third = add_finished_round(filled, names[5])
    assert (in_use(filled), head_of_queue(filled)) == (third, names[5])
    with filled.database.read() as session:
        turns = list(session.scalars(select(Predictions.turn)))
        assert len(set(turns)) == 3
        promotions = select(func.count()).select_from(Submission).where(Submission.kind == "promotion")
        assert session.scalar(promotions) == 2
        assert session.scalar(select(func.count()).select_from(Label)) == 0


def test_a_round_without_whole_predictions_is_not_put_in_use(filled: ProjectFolder):
    names = names_of(filled, split="train")
    first, second, failed = (add_finished_round(filled, name) for name in (names[3], names[7], None))
    with pytest.raises(Conflict, match="made no predictions"):
        promote(filled, "a", failed, 1)
    with pytest.raises(NotFound):
        promote(filled, "b", 99, 1)
    file = filled.rounds / f"{first:04d}" / "run" / "predictions" / "predictions.arrow"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(FacelabelError, match=r"predictions\.arrow"):
        promote(filled, "c", first, 1)
    assert (in_use(filled), head_of_queue(filled)) == (second, names[7])
    promote(filled, "d", second, 1)
    with pytest.raises(Conflict, match="another request"):
        promote(filled, "d", first, 1)
