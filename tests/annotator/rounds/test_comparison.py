"""The comparison of two rounds: metrics on the same labels, changed answers, the head of the queue."""

import pytest

from annotator.errors import NotFound
from annotator.project import ProjectFolder
from annotator.services.rounds.comparison import RoundChanges, report_page, round_changes
from tests.support.projects.images import names_of
from tests.support.projects.round_results import add_finished_round, add_round_with_errors, answer_audit_set


def changes(project: ProjectFolder, number: int) -> RoundChanges | None:
    with project.database.read() as session:
        return round_changes(project, session, number)


def test_metrics_are_compared_on_the_same_audit_labels(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    first, second = add_round_with_errors(filled, truth, 10), add_round_with_errors(filled, truth, 2)
    assert changes(filled, first).previous is None
    found = changes(filled, second)
    [glasses] = found.attributes
    assert (found.previous, glasses.before.value, glasses.now.value) == (first, 0.5, pytest.approx(0.9))
    value, low, high = glasses.difference
    assert 0 < low < value < high
    assert glasses.changed == pytest.approx(8 / 40)


def test_the_head_of_the_queue_is_compared(filled: ProjectFolder):
    names = names_of(filled, split="train")
    add_finished_round(filled, names[3])
    moved = add_finished_round(filled, names[7])
    with filled.database.read() as session:
        heads = [round_changes(filled, session, moved, head) for head in (1, 100)]
    assert [(found.head, found.new_in_head) for found in heads] == [(1, 1), (40, 0)]


def test_a_round_without_predictions_changed_nothing(filled: ProjectFolder):
    failed = add_finished_round(filled, None)
    assert changes(filled, failed) is None
    with filled.database.read() as session:
        assert report_page(filled, session, failed) is None
    with pytest.raises(NotFound):
        changes(filled, 99)
