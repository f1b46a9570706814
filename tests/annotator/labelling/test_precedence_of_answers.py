"""Late answers, names and imports that meet in one cell: what becomes the label."""

from pathlib import Path

from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.importing.labels import import_labels
from annotator.services.tasks.leases import put_leases
from tests.support.projects.labelling import ALL, Person, labels_of, lapse_leases
from tests.support.projects.naming import describe_five, identities


def hold(person: Person, image: int) -> None:
    with person.project.database.write() as session:
        put_leases(session, [image], person.id, 600)


def import_identity(project: ProjectFolder, image: int, name: str, folder: Path) -> None:
    with project.database.read() as session:
        image_name = session.get_one(Image, image).name
    file = folder / "labels.csv"
    file.write_text(f"image_name,identity\n{image_name},{name}\n")
    import_labels(project, file)


def test_a_late_answer_fills_the_cells_that_others_left_empty(filled: ProjectFolder):
    slow, quick = Person(filled), Person(filled, "quick")
    [task] = slow.next()
    lapse_leases(filled)
    [again] = [t for t in quick.next(40) if t.image_id == task.image_id]
    quick.answer(again, {"glasses": 1})
    assert slow.answer(task, ALL).late
    assert labels_of(filled, task.image_id) == ALL | {"glasses": 1}


def test_a_late_answer_adds_nothing_to_an_image_that_others_finished(filled: ProjectFolder):
    slow, quick = Person(filled), Person(filled, "quick")
    [task] = slow.next()
    lapse_leases(filled)
    [again] = [t for t in quick.next(40) if t.image_id == task.image_id]
    quick.answer(again, {"not_human": 1})
    assert slow.answer(task, ALL).late
    assert labels_of(filled, task.image_id) == {"not_human": 1}


def test_a_set_of_faces_leaves_out_images_that_somebody_else_holds(filled: ProjectFolder):
    me = describe_five(filled)
    images = me.sets()[0].images
    hold(Person(filled, "other"), images[0])
    assert images[0] not in me.sets()[0].images
    assert me.confirm("Ada", images).opinions == images[:1]
    assert set(identities(filled)) == set(images[1:])
    lapse_leases(filled)
    assert images[:1] in [faces.images for faces in me.sets()]


def test_a_name_replaces_an_imported_one_while_the_image_is_open(filled: ProjectFolder, tmp_path: Path):
    me = describe_five(filled)
    images = me.sets()[0].images
    import_identity(filled, images[0], "Grace", tmp_path)
    assert me.confirm("Ada", images).opinions == []
    assert len(set(identities(filled).values())) == 1


def test_an_imported_name_of_a_done_image_stands(filled: ProjectFolder, tmp_path: Path):
    me = describe_five(filled)
    images = me.sets()[0].images
    [task] = [task for task in me.next(40) if task.image_id == images[0]]
    me.answer(task, ALL)
    import_identity(filled, images[0], "Grace", tmp_path)
    assert me.confirm("Ada", images).opinions == images[:1]
