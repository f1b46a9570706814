"""A project that holds one image in every place where an image can leave traces, and the search for these traces."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sqlalchemy import select

from annotator.domain.faces.boxes import Box
from annotator.feature_removal import forget_features
from annotator.feature_warmup import upright_landmarks
from annotator.files import shard_path
from annotator.formats.importers.mapping import Mapping
from annotator.imaging.detector import FoundFace
from annotator.models import Base, Face, Image, ImageAlias
from annotator.project import ProjectFolder
from annotator.services.common.image_maps import LISTED, map_folder
from annotator.services.erasure.journal import begin_erasure, complete_erasures
from annotator.services.erasure.scope import Request, find_images
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.grouping.listing import decide
from annotator.services.importing.report_files import write_report
from annotator.services.importing.reports import ImageReport, SourceReport
from annotator.services.insights.image_map import list_images
from annotator.services.people.directory import list_people
from annotator.services.review.flags import raise_flag
from tests.support.predictions_folder import SURE, UNCERTAIN
from tests.support.projects.database_checks import select_rows
from tests.support.projects.faces import give_faces
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.maps import make_map
from tests.support.projects.reviewing import save_correction
from tests.support.projects.round_results import add_finished_round
from trainer.probe.feature_store import FeatureStore
from trainer.probe.keys import record_keys
from trainer.views import HEAD, WHOLE

ERASED = "0007.jpg"
PERSON = "Zebedee Quux"
"""Whom the erased image and two others show."""
OTHERS = ("0011.jpg", "0012.jpg")
ALIAS = "other-name-of-it.jpg"
WINDOW = 32


@dataclass(frozen=True)
class Traces:
    """What an erased image may not leave behind.

    Args:
        sha256: the hash of its file.
        needles: other bytes by what they are.
        windows: every run of `WINDOW` bytes of its files that no other image's file has.
    """

    sha256: str
    needles: dict[str, bytes]
    windows: frozenset[bytes]


def fill(project: ProjectFolder) -> None:
    """Let `ERASED` leave traces everywhere: in answers, a round, the caches, reports and logs."""
    chance, me = np.random.default_rng(3), Person(project)
    faces = {}
    for place, name in enumerate(names_of(project)):
        points = [[26 + place % 9, 32], [34, 31], [56, 32], [48, 31], [41, 45]]
        descriptor = chance.normal(size=128).astype("<f4").tobytes()
        faces[name] = [FoundFace(0, Box(20, 18, 62, 60), 1.5, points, descriptor)]
    give_faces(project, faces)
    for name in (ERASED, *OTHERS):
        save_correction(project, me, image_of(project, name), ALL | {"identity": PERSON}, f"answer {name}")
    with project.database.write() as session:
        number, other = image_of(project, ERASED), image_of(project, OTHERS[0])
        raise_flag(session, me.id, "flag", number, f"look at {ERASED}")
        raise_flag(session, me.id, "flag of another", other, f"the same person as in {ERASED}")
        decide(session, me.id, "join", "join", number, other)
        session.add(ImageAlias(name=ALIAS, image_id=number))
    number = add_finished_round(project, ERASED)
    folder = project.round_folder(number)
    RoundSnapshots(project).write(folder / "snapshot")
    _write_results(folder)
    _write_caches(project, chance)
    images = ImageReport(found=3, imported=2, duplicates=[(ALIAS, ERASED)], notes={ERASED: "is dark"})
    write_report(project, SourceReport("drawn", "folder", images=images).as_dict(), Mapping())
    (project.imports / "error-000001.log").write_text(f"Traceback\nOSError: drawn/{ERASED} cannot be read\n")
    assert {SURE[0], UNCERTAIN[0]} == {0.98, 0.40}


def _write_results(folder: Path) -> None:
    (folder / "run" / "label_errors.csv").write_text(
        "image_name,attribute,code,p_code,suggested,p_suggested\n"
        f"{ERASED},glasses,2,0.01,1,0.9\n{OTHERS[0]},glasses,2,0.02,1,0.9\n"
    )
    (folder / "selection.csv").write_text(f"image_name,drawn\n{ERASED},0\n{OTHERS[0]},0.5\n")
    (folder / "report.log").write_text(f"reading {ERASED}\n")
    report = folder / "run" / "report"
    report.mkdir(parents=True)
    (report / "faces.json").write_text(json.dumps({"galleries": {"glasses": {"right": [ERASED]}}}))
    (report / "report.html").write_text("<img src='data:image/jpeg;base64,…'>")


def _write_caches(project: ProjectFolder, chance: np.random.Generator) -> None:
    hashes, landmarks = _images(project)
    for view in (HEAD, WHOLE):
        recipe = {"side": view.side} | ({"view": view.as_json()} if view is HEAD else {})
        store = FeatureStore(project.cache / f"test-{view.name}", recipe, 64)
        store.append(
            record_keys(view, hashes, landmarks), chance.normal(size=(len(hashes), 64)).astype(np.float16)
        )
        save_file(
            {"points": store.records().copy(), "key": np.zeros(32, np.uint8)},
            store.folder / "points.safetensors",
        )
    with project.database.read() as session:
        sha256 = session.scalars(select(Image.sha256).where(Image.name == ERASED)).one()
    with project.database.read() as session:
        listed = list_images(session)
    make_map(project, {name: (0.1 + place / 100, 0.5) for place, name in enumerate(names_of(project))})
    (map_folder(project) / LISTED).write_bytes(listed)  # a computation was killed
    tile = shard_path(project.cache / "tiles", sha256, "0-0-96-96-0-480.jpg")
    tile.parent.mkdir(parents=True)
    tile.write_bytes(shard_path(project.stores.views.local_root, sha256, "jpg").read_bytes())
    (project.stores.images.local_root / "incoming").mkdir(exist_ok=True)
    (project.stores.images.local_root / "incoming" / ".killed.tmp").write_bytes(
        shard_path(project.stores.images.local_root, sha256, "jpg").read_bytes()
    )


def _images(project: ProjectFolder) -> tuple[list[str], np.ndarray]:
    with project.database.read() as session:
        columns = Image.sha256, Image.width, Image.height, Face.turn, Face.points
        rows = session.execute(
            select(*columns).join(Face, Face.image_id == Image.id).order_by(Image.id)
        ).all()
    return [row.sha256 for row in rows], np.array([upright_landmarks(row) for row in rows], np.float32)


def traces_of(project: ProjectFolder, name: str = ERASED) -> Traces:
    """Read what an image may not leave behind, before it is erased."""
    with project.database.read() as session:
        image = session.scalars(select(Image).where(Image.name == name)).one()
        descriptor = session.scalars(select(Face.descriptor).where(Face.image_id == image.id)).one()
    hashes, landmarks = _images(project)
    row = hashes.index(image.sha256)
    needles = {"the name": name.encode(), "the other name": ALIAS.encode()}
    needles |= {"the descriptor": descriptor, "the raw hash": bytes.fromhex(image.sha256)}
    for view in (HEAD, WHOLE):
        store = FeatureStore.existing(project.cache / f"test-{view.name}")
        [key] = record_keys(view, [image.sha256], landmarks[row : row + 1])
        needles[f"the key of {view.name}"] = bytes.fromhex(key)
        needles[f"the features of {view.name}"] = store.records()[store.rows_of([key])[0]].tobytes()
    own = _windows(project, {image.sha256})
    return Traces(image.sha256, needles, frozenset(own - _windows(project, set(hashes) - {image.sha256})))


def _windows(project: ProjectFolder, hashes: set[str]) -> set[bytes]:
    windows = set()
    for root in (project.stores.images.local_root, project.stores.views.local_root):
        for sha256 in hashes:
            content = shard_path(root, sha256, "jpg").read_bytes()
            windows.update(content[start : start + WINDOW] for start in range(len(content) - WINDOW + 1))
    return windows


def find_traces(project: ProjectFolder, traces: Traces, *, windows: bool = True) -> list[str]:
    """Search every file of the project, its name and its bytes, the database's free pages and log included.

    Its hash is in the tombstone and the receipt, and nowhere else.
    """
    found = []
    for place, content in contents_of(project):
        if traces.sha256 in place or traces.needles["the name"].decode() in place:
            found.append(f"{place}: its path")
        found += [f"{place}: {what}" for what, needle in traces.needles.items() if needle in content]
        if content.count(traces.sha256.encode()) > _allowed(place):
            found.append(f"{place}: the hash")
        if windows:
            runs = (content[start : start + WINDOW] for start in range(len(content) - WINDOW + 1))
            found += [f"{place}: bytes of the image"] * (not traces.windows.isdisjoint(runs))
    return found


def contents_of(project: ProjectFolder) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of every file of the project; the rows of a database in a server stand for its file."""
    for path in sorted(path for path in project.path.rglob("*") if path.is_file()):
        yield path.relative_to(project.path).as_posix(), path.read_bytes()
    if not project.database_file.exists():
        tables = [f"SELECT CAST(t AS text) FROM {table.name} t" for table in Base.metadata.sorted_tables]
        rows = [row for (row,) in select_rows(project.database, " UNION ALL ".join(tables))]
        yield "facelabel.db", "\n".join(rows).encode()


def _allowed(place: str) -> int:
    """How often the hash may stand in a file: in the tombstone, its index and the receipt."""
    if place.startswith("erasures/"):
        return 1
    return 3 if place == "facelabel.db" else 0


def find_damage(project: ProjectFolder) -> list[str]:
    """What is wrong with the database: damaged pages, and rows that refer to rows that do not exist."""
    broken = []
    if project.database_file.exists():  # a server never has such rows
        broken = [str(row) for row in select_rows(project.database, "PRAGMA foreign_key_check")]
    return project.database.find_damage() + broken


def people_named(project: ProjectFolder) -> list[str]:
    """The names of all people that the page lists."""
    with project.database.read() as session:
        return [person.name for person in list_people(session, limit=1000)[0]]


def erase(project: ProjectFolder, *names: str, copies: bool = False) -> dict:
    """Erase images for good; returns the receipt."""
    with project.database.read() as session:
        request = Request("images", images=find_images(session, names), copies=copies)
    row = begin_erasure(project, "Ada", secrets.token_hex(8), request)
    assert complete_erasures(project, forget_features)
    [file] = project.erasures.glob(f"{row.id:04d}-*.json")
    return json.loads(file.read_bytes())
