"""A cleared cell is open, the answers before the clearing do not count, and one undo restores them."""

import pytest

from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import Annotation
from annotator.project import ProjectFolder
from annotator.services.review.clearing import Clearing, clear_cells, undo_clearing
from annotator.services.team.votes import read_opinions
from tests.support.projects.labelling import ALL, Person, answer_images, done_count, labels_of, row_count
from tests.support.projects.reviewing import cell_of, late_opinion, names_in_view, save_correction
from tests.support.serving import Server

OTHERS = {name: code for name, code in ALL.items() if name != "glasses"}


def clear(project: ProjectFolder, me: Person, images: list[int], key: str = "c") -> int:
    with project.database.write() as session:
        return clear_cells(session, me.id, Clearing(key, "glasses", tuple(images)))


def unclear(project: ProjectFolder, me: Person, key: str = "c", own_key: str = "u") -> list[int]:
    with project.database.write() as session:
        return undo_clearing(session, me.id, own_key, key)


def test_cells_of_several_images_are_cleared_and_restored_as_one(filled: ProjectFolder):
    me, images = answer_images(filled, 3)
    save_correction(filled, me, images[0], {"glasses": 1}, "r", adjudicate=True)
    [held] = me.next()
    assert clear(filled, me, [*images, held.image_id]) == 3
    rows = row_count(filled, Annotation)
    assert clear(filled, me, [*images, held.image_id]) == 3
    assert row_count(filled, Annotation) == rows
    assert [labels_of(filled, image) for image in images] == [OTHERS] * 3
    assert done_count(filled) == 0
    assert not me.answer(held, ALL).late
    assert {task.image_id for task in me.next(40)} >= set(images)
    assert sorted(unclear(filled, me)) == sorted(images) == sorted(unclear(filled, me))
    assert [labels_of(filled, image)["glasses"] for image in images] == [1, 2, 2]
    assert done_count(filled) == 4
    with pytest.raises(Conflict, match="undone already"):
        unclear(filled, me, own_key="again")


def test_an_undo_of_an_answer_from_before_leaves_the_cell_open_and_a_new_answer_labels_it(
    filled: ProjectFolder,
):
    me, [image] = answer_images(filled, 1)
    save_correction(filled, me, image, {"glasses": 1}, "r")
    clear(filled, me, [image])
    me.undo(f"answer {image}")
    assert "glasses" not in labels_of(filled, image)
    save_correction(filled, me, image, {"glasses": 0}, "new")
    assert labels_of(filled, image) == {"glasses": 0}
    history = cell_of(filled, image).history
    assert [(entry.origin, entry.undone) for entry in history] == [
        ("human", True), ("human", True), ("cleared", False), ("undo", False), ("human", False),
    ]  # fmt: skip
    unclear(filled, me)
    assert labels_of(filled, image)["glasses"] == 0


def test_opinions_from_before_do_not_count_for_disagreement_or_votes(filled: ProjectFolder):
    image = late_opinion(filled, label=1, opinion=0)
    me = Person(filled)
    assert len(names_in_view(filled, differing=True)) == 1
    clear(filled, me, [image])
    save_correction(filled, me, image, {"glasses": 2}, "new")
    assert names_in_view(filled, differing=True) == []
    assert not cell_of(filled, image).differing
    with filled.database.read() as session:
        votes = read_opinions(session, ["answer", "review"])
        assert votes.code[votes.attribute == 3].tolist() == [2]
    unclear(filled, me)
    assert len(names_in_view(filled, differing=True)) == 1


def test_what_cannot_be_cleared_is_refused(filled: ProjectFolder):
    me = Person(filled)
    for clearing, error in (
        (Clearing("c", "glasses", (1,)), NotFound),
        (Clearing("c", "glasses", (10**9,)), NotFound),
        (Clearing("c", "beard", (1,)), FacelabelError),
    ):
        with pytest.raises(error), filled.database.write() as session:
            clear_cells(session, me.id, clearing)
    with pytest.raises(NotFound):
        unclear(filled, me)
    assert row_count(filled, Annotation) == 0


def test_the_api_clears_and_undoes(filled: ProjectFolder, server: Server):
    _, images = answer_images(filled, 2)
    client = server.client()
    body = {"attribute": "glasses", "images": images}
    assert client.post("/images/clear", body, "k").json() == {"submission": "k", "cleared": 2}
    assert done_count(filled) == 0
    assert client.post("/images/clear/undo", {"submission": "k"}, "u").json()["cleared"] == 2
    assert done_count(filled) == 2
