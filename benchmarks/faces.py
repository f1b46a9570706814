"""In how many photos a face is found, whether turned ones are found turned, how steady the landmarks are, and how fast it is.

On uncropped photos, on portraits from the front and in three-quarter view, and on CelebA's narrow crops, where the
development data is; on drawn faces elsewhere. HOG alone, the search as it was before the CNN joined it, runs beside it.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import dlib
import numpy as np
from PIL import Image, ImageOps

from annotator.imaging.cnn_detector import compile_numpy, compile_openvino, detect_faces, read_layers
from annotator.imaging.detector import FoundFace, find_faces, turn_image
from annotator.imaging.dlib_models import face_weights
from annotator.sample_faces import draw_faces
from annotator.services.faces.detection import search_pool
from benchmarks.support.data import CELEBA
from benchmarks.support.report import Figures, Size

WILD, PORTRAITS, PHOTOS = (CELEBA.with_name(name) for name in ("celeba_wild", "skin", "wild"))
VIEW_SIDE = 1024
SIDES = (640, 1024)
TURNS = (0, 90, 180, 270)
PLAIN, UPRIGHT_BONUS = 1.0, 0.2


def measure(size: Size) -> Figures:
    if size == "small" or not WILD.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            draw_faces(Path(folder), 12 if size == "small" else 100, size=256)
            drawn = sorted(Path(folder).glob("*.jpg"))
            return measure_sets({"drawn": drawn}, turned=6) | measure_networks(drawn[:2])
    sets = {
        "celeba_wild": images_of(WILD)[:200],
        "wild": images_of(PHOTOS),
        "skin, front": [file for file in images_of(PORTRAITS) if "3quarter" not in file.name],
        "skin, three-quarter": [file for file in images_of(PORTRAITS) if "3quarter" in file.name],
        "celeba": images_of(CELEBA)[:60],
    }
    return measure_sets(sets, turned=60) | measure_networks(sets["celeba_wild"][:6])


def images_of(folder: Path) -> list[Path]:
    return sorted((folder / "images").glob("*.jpg"))


def measure_sets(sets: dict[str, list[Path]], turned: int) -> Figures:
    """Every set by HOG alone and by HOG and CNN; some images of the first set turned."""
    rows = [row for name, files in sets.items() for row in compared(name, files)]
    name, files = next(iter(sets.items()))
    turns = [found_turned(files[:turned], turn) for turn in TURNS]
    steady = [mirrored(name, files[:turned]) for name, files in sets.items()]
    return {
        "faces found": rows,
        f"{name}, turned": turns,
        "landmarks of the image and of its mirror image, in distances of the eyes": steady,
    }


def compared(name: str, files: Sequence[Path]) -> list[dict[str, Any]]:
    """Both searches take turns at every image, so that the load of the machine is the same for both."""
    searches: dict[str, Callable[[Image.Image], list[FoundFace]]] = {
        "HOG alone": hog_alone,
        "HOG and CNN": find_faces,
    }
    faces: dict[str, list[list[FoundFace]]] = {search: [] for search in searches}
    seconds = dict.fromkeys(searches, 0.0)
    for find in searches.values():
        find(view(files[0]))  # loads the networks
    for file in files:
        image = view(file)
        for search, find in searches.items():
            started = time.perf_counter()
            faces[search].append(find(image))
            seconds[search] += time.perf_counter() - started
    return [
        {
            "images": name,
            "count": len(files),
            "search": search,
            "with a face": share(found, lambda faces: len(faces) > 0),
            "by the CNN": share(found, lambda faces: bool(faces) and faces[0].finder == "cnn"),
            "with several": share(found, lambda faces: len(faces) > 1),
            "taken for turned": share(found, lambda faces: bool(faces) and faces[0].turn != 0),
            "images/s": round(len(files) / seconds[search], 1),
        }
        for search, found in faces.items()
    ]


def hog_alone(image: Image.Image) -> list[FoundFace]:
    """The search before the CNN: HOG in four turns at two sizes, and descriptors by dlib."""
    detector, predictor, network = dlib_alone()
    for side in SIDES:
        scale = min(side / max(image.size), 4.0)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        best, best_turn, boxes = UPRIGHT_BONUS, 0, []
        for turn in TURNS:
            small = turn_image(image, turn).resize(
                size if turn % 180 == 0 else size[::-1], Image.Resampling.BILINEAR
            )
            found, scores, _ = detector.run(np.asarray(small), 0, 0.0)
            score = max(scores, default=-1.0) + (UPRIGHT_BONUS if turn == 0 else 0)
            if score > best:
                best, best_turn, boxes = score, turn, list(found)
            if turn == 0 and score >= PLAIN + UPRIGHT_BONUS:
                break
        if boxes:
            pixels = np.asarray(turn_image(image, best_turn))
            return [
                FoundFace(
                    best_turn, box, best, [], network.compute_face_descriptor(pixels, predictor(pixels, box))
                )
                for box in (
                    dlib.rectangle(*(round(v / scale) for v in (b.left(), b.top(), b.right(), b.bottom())))
                    for b in boxes
                )
            ]
    return []


@cache
def dlib_alone() -> tuple[Any, Any, Any]:
    return (
        dlib.get_frontal_face_detector(),
        dlib.shape_predictor(str(face_weights("shape_predictor_5_face_landmarks.dat"))),
        dlib.face_recognition_model_v1(str(face_weights("dlib_face_recognition_resnet_model_v1.dat"))),
    )


def found_turned(files: Sequence[Path], turn: int) -> dict[str, Any]:
    with search_pool(2) as pool:
        found = list(pool.map(partial(look, turn=turn), files, chunksize=4))
    return {
        "turned by": turn,
        "count": len(files),
        "with a face": share(found, lambda faces: len(faces) > 0),
        "turned back right": share(found, lambda faces: bool(faces) and (faces[0].turn + turn) % 360 == 0),
    }


def mirrored(name: str, files: Sequence[Path]) -> dict[str, Any]:
    """How far the eyes and the nose of the largest face are from those in the mirror image."""
    with search_pool(2) as pool:
        apart = [d for d in pool.map(mirror_distance, files, chunksize=4) if d is not None]
    half, most = np.quantile(apart, (0.5, 0.95)).round(3) if apart else (None, None)
    return {"images": name, "faces": len(apart), "median": half, "95 %": most}


def mirror_distance(file: Path) -> float | None:
    """None unless both images have a face at the same place."""
    image = view(file)
    faces, others = find_faces(image), find_faces(ImageOps.mirror(image))
    if not (faces and others and faces[0].turn == others[0].turn == 0):
        return None
    ours, theirs = (three_points(found[0]) for found in (faces, others))
    theirs = np.array((image.width - 1, 0)) - theirs * (1, -1)
    theirs = theirs[[1, 0, 2]]
    eyes = float(np.linalg.norm(ours[0] - ours[1]))
    distance = float(np.linalg.norm(ours - theirs, axis=1).max()) / eyes
    return distance if distance < 2 else None


def three_points(face: FoundFace) -> np.ndarray:
    """The middles of the eyes, and the nose."""
    points = np.array(face.points, float)
    return np.array((points[:2].mean(axis=0), points[2:4].mean(axis=0), points[4]))


def measure_networks(files: Sequence[Path]) -> Figures:
    """The CNN alone, upright at 640 pixels, in dlib, NumPy and OpenVINO."""
    weights = face_weights("mmod_human_face_detector.dat")
    layers, theirs = read_layers(weights), dlib.cnn_face_detection_model_v1(str(weights))
    ours = {"NumPy": compile_numpy(layers), "OpenVINO": compile_openvino(layers)}
    searches: dict[str, Callable[[Any], int]] = {"dlib": lambda pixels: len(theirs(pixels, 0))}
    for name, network in ours.items():
        searches[name] = lambda pixels, network=network: len(detect_faces(network, pixels))
    rows = []
    images = [np.asarray(ImageOps.contain(view(file), (SIDES[0], SIDES[0]))) for file in files]
    for name, search in searches.items():
        search(images[0])
        started = time.perf_counter()
        found = sum(search(image) for image in images)
        seconds = (time.perf_counter() - started) / len(images)
        rows.append({"network in": name, "images": len(images), "faces": found, "s/image": round(seconds, 3)})
    return {"the CNN alone": rows}


def look(file: Path, turn: int = 0) -> list[FoundFace]:
    return find_faces(turn_image(view(file), turn))


def view(file: Path) -> Image.Image:
    with Image.open(file) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    image.thumbnail((VIEW_SIDE, VIEW_SIDE))
    return image


def share(found: list[list[FoundFace]], holds: Any) -> float:
    return round(sum(map(holds, found)) / len(found), 3)
