"""Probable label errors reach the reviewers in the order of their rank, and leave the queue once decided."""

from annotator.project import ProjectFolder
from annotator.services.review.details import read_image
from annotator.services.review.queue import review_queue
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.reviewing import images_to_review, save_correction
from tests.support.projects.round_results import LABEL_ISSUES_HEADER, write_label_issues


def answered(project: ProjectFolder, names: list[str]) -> list[int]:
    for name in names:
        save_correction(project, Person(project), image_of(project, name), ALL, f"answer {name}")
    return [image_of(project, name) for name in names]


def test_the_most_suspicious_label_comes_first_and_leaves_when_decided(filled: ProjectFolder):
    names = names_of(filled, split="train")[:4][::-1]
    images = answered(filled, names)
    write_label_issues(filled, [*names, "gone.jpg"])
    assert images_to_review(filled, "model") == images
    with filled.database.read() as session:
        first = review_queue(filled, session, "model", after=None, limit=3)
        rest = review_queue(filled, session, "model", after=first.next, limit=3)
        [glasses] = [c for c in read_image(filled, session, images[0]).cells if c.suspicion]
    assert [image.id for image in first.images + rest.images] == images
    assert (glasses.attribute, glasses.contradicted, glasses.suspected_name) == ("glasses", True, "glasses")
    assert (glasses.suspicion.p_code, glasses.suspicion.p_suggested) == (0.01, 0.9)
    me = Person(filled)
    save_correction(filled, me, images[0], {"glasses": 2}, "confirmed", adjudicate=True)
    save_correction(filled, me, images[1], {"glasses": 1}, "changed")
    save_correction(filled, me, images[2], {"wrinkles": 1}, "another cell")
    assert images_to_review(filled, "model") == images[2:]
    with filled.database.read() as session:
        assert not any(cell.suspicion for cell in read_image(filled, session, images[0]).cells)


def test_the_newest_list_counts_and_a_broken_one_is_none(filled: ProjectFolder):
    names = names_of(filled, split="train")[:2]
    images = answered(filled, names)
    write_label_issues(filled, names[:1], 1)
    file = write_label_issues(filled, names[1:], 2)
    assert images_to_review(filled, "model") == images[1:]
    file.write_text(f"{LABEL_ISSUES_HEADER}\n{names[0]},glasses\n")
    assert images_to_review(filled, "model") == []
