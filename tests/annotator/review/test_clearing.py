"""After a clearing, the answers before it do not count, neither as labels nor as opinions, until it is undone."""

from annotator.project import ProjectFolder
from annotator.services.common.votes import read_opinions
from annotator.services.selection.actions import Change
from annotator.services.selection.changes import make_change, undo_change
from tests.support.projects.labelling import Person, answer_images, labels_of
from tests.support.projects.reviewing import cell_of, late_opinion, names_in_view, save_correction


def clear(project: ProjectFolder, me: Person, images: list[int]) -> None:
    with project.database.write() as session:
        make_change(session, me.id, "c", Change("clear", tuple(images), "glasses", adjudicate=True))


def unclear(project: ProjectFolder, me: Person) -> None:
    with project.database.write() as session:
        undo_change(session, me.id, "u", "c")


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
