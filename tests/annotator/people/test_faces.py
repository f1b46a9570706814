"""Faces are detected, described and kept with their images, in any rotation and after a killed process."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from sqlalchemy import func, select, update

from annotator.domain.faces.boxes import Box, head_box, turned_back
from annotator.imaging.detector import find_faces, turn_image
from annotator.models import Face
from annotator.models import Image as ImageRow
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.common.claims import claimed
from annotator.services.faces.detection import HEAD, PARTS, FaceSearch, find_all_faces, read_face_progress
from annotator.services.review.filters import Filters
from annotator.services.review.listing import find_images
from tests.support.face_descriptors import read_descriptor
from tests.support.projects.images import LIMITS, import_images
from tests.support.serving import Server
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six drawn faces, large enough for dlib, and three pictures of nothing."""
    folder = tmp_path_factory.mktemp("portraits") / "drawn"
    draw_faces(folder, 6, size=256)
    for number, colour in enumerate(("navy", "gray", "white")):
        Image.new("RGB", (64 + number, 64), colour).save(folder / f"nothing{number}.png")
    return folder


@pytest.fixture(scope="module")
def portrait(portraits: Path) -> Image.Image:
    with Image.open(portraits / "0006.jpg") as opened:
        return opened.convert("RGB")


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_face_is_found_whichever_way_up_the_image_is(portrait: Image.Image, turned: int):
    (face,) = find_faces(turn_image(portrait, turned))
    assert (face.turn + turned) % 360 == 0
    (outer_left, inner_left, inner_right, outer_right, nose) = (
        face.points[0],
        face.points[1],
        face.points[3],
        face.points[2],
        face.points[4],
    )
    assert outer_left[0] < inner_left[0] < nose[0] < inner_right[0] < outer_right[0]
    assert max(outer_left[1], outer_right[1]) < nose[1] < face.box.bottom


@pytest.mark.shared
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_photographed_face_is_found_whichever_way_up_the_photo_is(shared: Path, turned: int):
    with Image.open(shared / "celeba_wild" / "images" / "000207.jpg") as opened:
        photo = opened.convert("RGB")
    (face,) = find_faces(turn_image(photo, turned))
    assert (face.turn + turned) % 360 == 0


@pytest.mark.shared
def test_the_descriptors_of_one_person_are_nearer_than_those_of_two(shared: Path):
    people = [
        line.split()
        for line in (shared / "celeba" / "identity_CelebA.txt").read_text().splitlines()
        if (shared / "celeba" / "images" / line.split()[0]).exists()
    ]
    first, other = people[0], next(p for p in people if p[1] != people[0][1])
    same = next(p for p in people[1:] if p[1] == first[1])
    described = []
    for name, _ in (first, same, other):
        with Image.open(shared / "celeba" / "images" / name) as opened:
            described.append(read_descriptor(find_faces(opened.convert("RGB"))[0].descriptor))
    assert np.linalg.norm(described[0] - described[1]) < np.linalg.norm(described[0] - described[2])


@pytest.mark.parametrize("size", [(16, 16), (17, 340), (64, 64)])
def test_an_image_without_a_face_has_none(size: tuple[int, int]):
    assert find_faces(Image.effect_noise(size, 80).convert("RGB")) == []


def test_several_faces_are_numbered_by_size(portrait: Image.Image):
    both = Image.new("RGB", (700, 400), "white")
    both.paste(portrait, (0, 100))
    both.paste(portrait.resize((400, 400)), (300, 0))
    large, small = find_faces(both)
    assert large.box.left > 300 > small.box.right
    assert large.box.width > small.box.width


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_box_is_found_again_when_the_turn_is_reversed(turn: int):
    image = Image.new("L", (30, 20))
    box = Box(3, 5, 11, 9)
    image.paste(255, tuple(box))
    turned = turn_image(image, turn)
    seen = turned.getbbox()
    assert seen is not None
    assert turned_back(Box(*seen), turn, 30, 20) == box


def test_a_head_crop_holds_the_face_with_its_hair_and_stays_in_the_image():
    face, points = Box(60, 60, 100, 100), [[65, 70], [75, 70], [95, 70], [85, 70], [80, 85]]
    box = head_box(face, points, 200, 200)
    assert box.left < 50
    assert box.top < 40
    assert box.right > 110
    assert box.bottom > 105
    assert head_box(face, points, 104, 102) == Box(box.left, box.top, 104, 102)
    assert head_box(face, points, 200, 200, margin=0.5).height < box.height


def found_in(project: ProjectFolder) -> dict[str, tuple[int | None, list[tuple[int, bytes | None]]]]:
    with project.database.read() as session:
        faces: dict[int, list[tuple[int, bytes | None]]] = {}
        for face in session.scalars(select(Face).order_by(Face.image_id, Face.number)):
            faces.setdefault(face.image_id, []).append((face.left, face.descriptor))
        return {i.name: (i.face_count, faces.get(i.id, [])) for i in session.scalars(select(ImageRow))}


def test_every_image_is_looked_at_once_and_again_on_demand(project: ProjectFolder, portraits: Path):
    import_images(project, [portraits], LIMITS)
    said: list[tuple[int, int]] = []
    progress = find_all_faces(project, 2, lambda done, total: said.append((done, total)))
    assert said[0] == (0, 9)
    assert said[-1] == (9, 9)
    first = found_in(project)
    assert progress.seen == 9
    assert progress.with_face == sum(count == 1 for count, _ in first.values()) >= 4
    assert [first[f"nothing{n}.png"] for n in range(3)] == [(0, [])] * 3
    assert FaceSearch(project).run_batch() == 0
    with project.database.write() as session:
        session.execute(update(Face).values(left=-1))
    assert find_all_faces(project, 1, lambda *_: None) == progress
    assert {left for _, faces in found_in(project).values() for left, _ in faces} == {-1}
    assert find_all_faces(project, 1, lambda *_: None, again=True) == progress
    assert found_in(project) == first


def test_the_command_searches_what_no_worker_has_claimed_and_waits_for_the_rest(
    project: ProjectFolder, portraits: Path
):
    import_images(project, [portraits], LIMITS)
    unseen = select(ImageRow.sha256).where(ImageRow.face_count.is_(None))
    with project.database.read() as session:
        free = session.scalars(unseen).all()[0][0]
    with ThreadPoolExecutor(1) as pool, ExitStack() as claims:
        for part in {HEAD, *PARTS} - {free}:
            assert claims.enter_context(claimed(project, f"faces/{part}"))
        command = pool.submit(find_all_faces, project, 1, lambda *_: None)

        def left() -> set[str]:
            with project.database.read() as session:
                return {sha256[0] for sha256 in session.scalars(unseen)}

        wait_until(lambda: free not in left(), "the free part is searched")
        assert left()
        assert FaceSearch(project).run_batch(1.0) is None
        assert not command.done()
        claims.close()
        assert command.result().seen == 9


def test_an_image_whose_view_is_gone_counts_as_looked_at(project: ProjectFolder, portraits: Path):
    import_images(project, [portraits / "0006.jpg"], LIMITS)
    next(project.stores.views.local_root.glob("*/*.jpg")).unlink()
    assert find_all_faces(project, 1, lambda *_: None).seen == 1
    assert found_in(project)["0006.jpg"] == (0, [])


def test_the_worker_detects_faces_automatically_and_dlib_stays_out_of_the_web_process(
    project: ProjectFolder, portraits: Path
):
    import_images(project, [portraits], LIMITS)
    with Server(project.path, bare=True, FACELABEL_WORKER="1", FACELABEL_FACES="1") as server:
        client = server.client()
        wait_until(lambda: client.get("/faces")["seen"] == 9, "all images are looked at")
        libraries = {region.path for region in psutil.Process(server.pid).memory_maps()}
        assert not any("dlib" in path for path in libraries)
        assert client.get("/faces")["with_face"] >= 4


def test_a_killed_search_is_completed_by_the_next_one(project: ProjectFolder, portraits: Path):
    import_images(project, [portraits], LIMITS)
    command = [sys.executable, "-m", "annotator", "worker", "-p", str(project.path)]
    worker = subprocess.Popen(command, env={**os.environ, "FACELABEL_FACES": "1"})
    pools = wait_until(lambda: psutil.Process(worker.pid).children(recursive=True), "processes that look")
    worker.send_signal(signal.SIGKILL)
    worker.wait(120)
    psutil.wait_procs(pools, timeout=60)
    assert not any(pool.is_running() for pool in pools)
    find_all_faces(project, 2, lambda *_: None)
    with project.database.read() as session:
        assert read_face_progress(session).seen == 9
        assert session.scalar(select(func.count()).where(ImageRow.face_count.is_(None))) == 0


def test_images_are_browsed_by_how_many_faces_they_show(project: ProjectFolder, portraits: Path):
    import_images(project, [portraits], LIMITS)
    with project.database.read() as session:
        assert find_images(project, session, Filters(faces="none"), limit=20).images == []
    find_all_faces(project, 1, lambda *_: None)
    kept = {count: {n for n, (c, _) in found_in(project).items() if c == count} for count in (0, 1)}
    with project.database.read() as session:
        for wanted, count in (("none", 0), ("one", 1)):
            page = find_images(project, session, Filters(faces=wanted), limit=20)
            assert {image.name for image in page.images} == kept[count] != set()
        assert find_images(project, session, Filters(faces="several"), limit=20).images == []
