"""A task tells all faces of its image, and whether the image was searched for faces at all."""

from dataclasses import replace
from pathlib import Path

from annotator.domain.faces.boxes import Box
from annotator.project import ProjectFolder
from annotator.services.tasks.task import MOST_FACES
from tests.support.projects.faces import TURNED, UPRIGHT, give_faces
from tests.support.projects.images import LIMITS, draw_plain_images, image_of, import_images, names_of
from tests.support.projects.labelling import Person


def test_a_task_lists_the_faces_largest_first_and_marks_the_one_that_is_asked_about(
    project: ProjectFolder, tmp_path: Path
):
    draw_plain_images(tmp_path / "plain", 4)
    import_images(project, [tmp_path / "plain"], LIMITS)
    several, turned, empty, unsearched = names_of(project)
    large = replace(UPRIGHT, box=Box(4, 4, 12, 12), points=[[5, 6], [7, 6], [11, 6], [9, 6], [8, 9]])
    small = replace(large, box=Box(0, 0, 4, 4), points=[[0, 1], [1, 1], [3, 1], [2, 1], [2, 2]])
    give_faces(project, {several: [large, small], turned: [replace(TURNED, box=Box(0, 0, 8, 4))], empty: []})
    tasks = {task.image_name: task for task in Person(project).next(4)}
    task = tasks[several]
    assert task.faces is not None
    assert [(face.number, face.asked, face.box) for face in task.faces] == [
        (1, True, (0.25, 0.25, 0.75, 0.75)),
        (2, False, (0, 0, 0.25, 0.25)),
    ]
    assert task.face is not None
    assert (task.face.box, task.face.head, task.face.count) == (task.faces[0].box, task.faces[0].head, 2)
    [face] = tasks[turned].faces or []
    assert face.box == (0, 0.5, 0.25, 1), "the box is told upright: the left column was the bottom row"
    assert (tasks[empty].face, tasks[empty].faces) == (None, [])
    assert (tasks[unsearched].face, tasks[unsearched].faces) == (None, None)


def test_a_crowd_is_not_listed_as_a_whole(filled: ProjectFolder):
    name = names_of(filled)[0]
    give_faces(filled, {name: [UPRIGHT] * (MOST_FACES + 20)})
    [task] = [task for task in Person(filled).next(40) if task.image_id == image_of(filled, name)]
    assert task.faces is not None
    assert task.face is not None
    assert (len(task.faces), task.face.count) == (MOST_FACES, MOST_FACES + 20)
