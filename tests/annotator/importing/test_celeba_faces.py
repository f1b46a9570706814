"""CelebA's landmarks and boxes become the faces of the images that they belong to."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from annotator.domain.faces.boxes import Box
from annotator.imaging.detector import FoundFace, find_faces
from annotator.models import Face
from annotator.models import Image as ImageRow
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.faces.detection import find_all_faces, read_face_progress
from tests.support.commands import call
from tests.support.face_descriptors import read_descriptor

LANDMARKS = [
    f"{part}_{axis}" for part in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth") for axis in "xy"
]
ALIGNED = "list_landmarks_align_celeba"


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FoundFace]:
    """Aligned images of drawn faces in a separate folder, and the faces that dlib detects in them, by path."""
    base = tmp_path_factory.mktemp("aligned")
    draw_faces(base / "drawn", 6, size=256)
    found = {}
    for path in sorted((base / "drawn").glob("*.jpg")):
        with Image.open(path) as opened:
            upright = opened.convert("RGB").resize((218, 218)).crop((20, 0, 198, 218))
        if faces := find_faces(upright):
            upright.save(base / path.name, quality=95)
            found[str(base / path.name)] = faces[0]
    assert len(found) >= 4
    return found


def make_celeba(folder: Path, portraits: dict[str, FoundFace]) -> Path:
    """The images in a folder tree like torchvision's, without a list."""
    (folder / "img_align_celeba").mkdir(parents=True)
    for path in portraits:
        shutil.copy(path, folder / "img_align_celeba")
    return folder


def landmarks_of(face: FoundFace) -> list[int]:
    """Landmarks as in CelebA: the middles of the eyes, the tip of the nose, the corners of the mouth."""
    p = np.array(face.points, float)
    left, right = (p[0] + p[1]) / 2, (p[2] + p[3]) / 2
    eyes, apart = (left + right) / 2, float(np.linalg.norm(left - right))
    mouth, half = eyes + np.array((0, 1.07 * apart)), np.array((0.4 * apart, 0))
    tip = p[4] - 0.43 * (mouth - p[4])
    return [round(float(v)) for point in (left, right, tip, mouth - half, mouth + half) for v in point]


def write_list(path: Path, header: list[str], rows: dict[str, list[int]]) -> None:
    """Write a list with commas for .csv, else like CelebA's text files, with a count and padded numbers."""
    if path.suffix == ".csv":
        lines = [",".join(["image_id", *header]), *(",".join(map(str, [n, *row])) for n, row in rows.items())]
    else:
        named = ["image_id", *header] if len(header) == 4 else header
        lines = [str(len(rows)), " ".join(named) + " "]
        lines += [f"{name} " + "".join(f"{value:4d}" for value in row) for name, row in rows.items()]
    path.write_text("\n".join(lines) + "\n")


def imported(project: ProjectFolder, folder: Path) -> dict:
    finished = call("import", folder, "--json", "-p", project.path)
    finished.assert_done()
    return json.loads(finished.out)[str(folder)]


def faces_in(project: ProjectFolder) -> dict[str, Face]:
    with project.database.read() as session:
        rows = session.execute(select(ImageRow.name, Face).join(Face, Face.image_id == ImageRow.id)).all()
        session.expunge_all()
    return dict(rows)


@pytest.mark.parametrize("ending", ["txt", "csv"])
def test_aligned_landmarks_become_faces_that_are_only_described(
    project: ProjectFolder, portraits: dict[str, FoundFace], tmp_path: Path, ending: str
):
    folder = make_celeba(tmp_path / "celeba", portraits)
    rows = {Path(path).name: landmarks_of(face) for path, face in portraits.items()}
    write_list(folder / f"{ALIGNED}.{ending}", LANDMARKS, rows)
    report = imported(project, folder)
    assert (report["images"]["faces"], report["images"]["misfits"], report["notes"]) == (len(rows), [], [])
    given = faces_in(project)
    assert given.keys() == rows.keys()
    for path, found in portraits.items():
        face = given[Path(path).name]
        assert np.abs(np.subtract(face.points, found.points)).max() <= 4
        assert overlap(Box(face.left, face.top, face.right, face.bottom), found.box) > 0.6
    with project.database.read() as session:
        assert (read_face_progress(session).seen, read_face_progress(session).with_face) == (0, 0)
    progress = find_all_faces(project, 1, lambda *_: None)
    assert progress.seen == progress.with_face == len(rows)
    for path, found in portraits.items():
        face = faces_in(project)[Path(path).name]
        assert face.points == given[Path(path).name].points
        apart = np.linalg.norm(read_descriptor(face.descriptor) - read_descriptor(found.descriptor))
        assert apart < 0.4, "as if it were another person"


def overlap(one: Box, other: Box) -> float:
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared = max(0, across) * max(0, down)
    return shared / (one.width * one.height + other.width * other.height - shared)


def test_boxes_in_the_wild_become_the_faces_of_images_that_are_not_aligned(
    project: ProjectFolder, portraits: dict[str, FoundFace], tmp_path: Path
):
    folder = tmp_path / "celeba"
    (folder / "img_celeba").mkdir(parents=True)
    boxes, expected = {}, {}
    for number, (path, face) in enumerate(portraits.items()):
        name = Path(path).name
        with Image.open(path) as opened:
            wild = Image.new("RGB", (400 + number, 300), "gray")
            wild.paste(opened, (100, 50))
            wild.save(folder / "img_celeba" / name)
        left, right, *_ = np.array(landmarks_of(face), float).reshape(5, 2) + np.array((100, 50))
        apart, middle = right[0] - left[0], (left + right) / 2
        width, height = 2.8 * apart, apart / 0.256
        boxes[name] = [round(v) for v in (middle[0] - width / 2, middle[1] - 0.36 * height, width, height)]
        expected[name] = [*left, *right]
    misfit = Path(next(iter(portraits))).name
    boxes[misfit] = [1000, 10, 50, 70]
    write_list(folder / "list_bbox_celeba.txt", ["x_1", "y_1", "width", "height"], boxes)
    others = {name: [500] * 10 for name in boxes}
    write_list(folder / f"{ALIGNED}.txt", LANDMARKS, others)
    if len(boxes) <= 10:  # one misfit of so few would say that the list belongs to other images
        for number in range(12 - len(boxes)):
            name = f"more{number}.png"
            Image.new("RGB", (300, 300 + number)).save(folder / "img_celeba" / name)
            boxes[name] = [50, 50, 100, 140]
            expected[name] = [62 + 20, 100, 62 + 56, 100]
        write_list(folder / "list_bbox_celeba.txt", ["x_1", "y_1", "width", "height"], boxes)
    report = imported(project, folder)
    assert report["images"]["faces"] == len(boxes) - 1
    assert report["images"]["misfits"] == [misfit]
    assert report["notes"] == [f"{ALIGNED}.txt was ignored: it belongs to aligned images of 178×218."]
    for name, face in faces_in(project).items():
        eyes = np.array(face.points[:4], float)
        middles = [*eyes[:2].mean(0), *eyes[2:].mean(0)]
        assert np.abs(np.subtract(middles, expected[name])).max() <= 3


def test_lists_of_other_images_are_ignored_with_a_note(
    project: ProjectFolder, portraits: dict[str, FoundFace], tmp_path: Path
):
    folder = make_celeba(tmp_path / "celeba", portraits)
    names = [Path(path).name for path in portraits]
    write_list(folder / f"{ALIGNED}.txt", LANDMARKS, {name: [300] * 10 for name in names})
    write_list(folder / "list_bbox_celeba.csv", ["x_1", "y_1", "width", "height"], {names[0]: [1, 1, 9, 9]})
    (folder / "README.txt").write_text("from the web")
    report = imported(project, folder)
    assert report["images"]["imported"] == len(names)
    assert (report["images"]["faces"], report["images"]["left_aside"]) == (0, 1)
    outside, unused = report["notes"]
    assert outside.startswith("The list of faces was ignored for img_align_celeba: its faces lie outside")
    assert unused == "list_bbox_celeba.csv was ignored: it belongs to images that are not aligned."
    assert faces_in(project) == {}


def test_a_face_that_comes_later_is_kept_unless_the_image_was_searched(
    project: ProjectFolder, portraits: dict[str, FoundFace], tmp_path: Path
):
    folder = make_celeba(tmp_path / "celeba", portraits)
    first = next(iter(portraits))
    one = make_celeba(tmp_path / "one", {first: portraits[first]})
    call("import", one, "-p", project.path).assert_done()
    find_all_faces(project, 1, lambda *_: None)
    call("import", folder, "--format", "folder", "-p", project.path).assert_done()
    rows = {Path(path).name: landmarks_of(face) for path, face in portraits.items()}
    write_list(folder / f"{ALIGNED}.txt", LANDMARKS, rows)
    assert imported(project, folder)["images"]["faces"] == len(rows) - 1
    assert imported(project, folder)["images"]["faces"] == 0


@pytest.mark.shared
def test_the_real_lists_import_every_image_and_person(project: ProjectFolder, shared: Path, tmp_path: Path):
    folder = tmp_path / "celeba"
    (folder / "images").mkdir(parents=True)
    names = sorted(path.name for path in (shared / "celeba" / "images").iterdir())[:100]
    for name in names:
        shutil.copy(shared / "celeba" / "images" / name, folder / "images")
    for file in ("list_attr_celeba.txt", "identity_CelebA.txt", "list_eval_partition.txt"):
        shutil.copy(shared / "celeba" / file, folder)
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        '[columns.Eyeglasses]\nattribute = "glasses"\nvalues.yes = "glasses"\nvalues.no = ""\n'
    )
    finished = call("import", folder, "--map", mapping, "--json", "-p", project.path)
    finished.assert_done()
    report = json.loads(finished.out)[str(folder)]
    assert (report["images"]["imported"], report["images"]["refused"]) == (100, [])
    lines = (shared / "celeba" / "identity_CelebA.txt").read_text().splitlines()
    people = {person for name, person in (line.split() for line in lines) if name in set(names)}
    assert len(report["labels"]["values"]["identity"]) == len(people)
    glasses = attribute_of(shared, "Eyeglasses", names)
    assert report["labels"]["values"]["glasses"]["glasses"] == sum(glasses.values())


def attribute_of(shared: Path, attribute: str, names: list[str]) -> dict[str, bool]:
    lines = (shared / "celeba" / "list_attr_celeba.txt").read_text().splitlines()[1:]
    place = lines[0].split().index(attribute) + 1
    rows = [line.split() for line in lines[1:]]
    return {row[0]: row[place] == "1" for row in rows if row[0] in set(names)}
