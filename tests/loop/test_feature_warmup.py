"""The features of new images are computed before a round needs them."""

import logging
from pathlib import Path

import pytest
from sqlalchemy import select

from annotator.feature_warmup import FeatureWarmup
from annotator.files import shard_path
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.exporting.snapshots import SnapshotOptions, export_snapshot
from tests.support.projects.faces import TURNED, UPRIGHT, give_faces
from tests.support.projects.images import LIMITS, import_images
from tests.support.serving import Server
from tests.support.waiting import wait_until
from trainer.data.snapshot import Snapshot
from trainer.networks import build
from trainer.probe.features import ImageFile
from trainer.probe.sources import BACKBONE, VIEWS, open_source


@pytest.fixture
def filled(project: ProjectFolder, faces: Path) -> ProjectFolder:
    """A project with 12 drawn faces: more than are read ahead."""
    import_images(project, sorted(faces.glob("*.jpg"))[:12], LIMITS)
    return project


def computed(project: ProjectFolder) -> list[int]:
    """The number of records of each view in the cache; no record is there twice."""
    counts = []
    for file in project.cache.glob("*/images.sha256"):
        content = file.read_bytes()
        records = [content[start : start + 32] for start in range(0, len(content), 32)]
        assert len(records) == len(set(records))
        counts.append(len(records))
    return counts


def run(ahead: FeatureWarmup) -> None:
    while ahead.run_step():
        pass


def without_search(project: ProjectFolder) -> FeatureWarmup:
    return FeatureWarmup(project, faces=False)


def test_features_of_every_image_are_computed_once_whenever_it_is_imported(
    filled: ProjectFolder, tmp_path: Path
):
    ahead = without_search(filled)
    run(ahead)
    assert computed(filled) == [12, 12]
    draw_faces(tmp_path / "more", 3, size=80)
    import_images(filled, [tmp_path / "more"], LIMITS)
    run(ahead)
    run(without_search(filled))
    assert computed(filled) == [15, 15]


def test_each_step_takes_the_next_shard_so_that_all_end_together(filled: ProjectFolder):
    computed_first = []

    def compute_one(files: list[ImageFile], *_: object) -> int:
        computed_first.append(files[0].sha256)
        return 1

    run(FeatureWarmup(filled, faces=False, compute=compute_one))
    shards = [sha256[0] for sha256 in computed_first[12:]]  # all are at the head of the queue, too
    assert len(shards) == 12
    used = len(set(shards))
    assert used < 12
    assert len(set(shards[:used])) == used


def test_images_wait_until_the_face_search_was_there(filled: ProjectFolder):
    ahead = FeatureWarmup(filled)
    assert not ahead.run_step()
    with filled.database.read() as session:
        names = list(session.scalars(select(Image.name).order_by(Image.id)))
    give_faces(filled, {names[0]: [UPRIGHT], names[1]: [], names[3]: []})
    run(ahead)
    assert computed(filled) == [3, 3], (
        "the third image was not searched yet, and the fourth is at the head of the queue"
    )
    give_faces(filled, {name: [TURNED] for name in [names[2], *names[4:]]})
    run(ahead)
    assert computed(filled) == [12, 12]


def test_a_round_finds_the_features_that_were_computed_ahead(filled: ProjectFolder, tmp_path: Path):
    with filled.database.read() as session:
        names = list(session.scalars(select(Image.name).order_by(Image.id)))
    give_faces(filled, {name: [UPRIGHT, TURNED][: 1 + number % 2] for number, name in enumerate(names)})
    give_faces(filled, {name: [TURNED] for name in names[:5]})
    run(FeatureWarmup(filled))
    folder, _ = export_snapshot(filled, tmp_path / "snapshot", SnapshotOptions(images="none"))
    snapshot = Snapshot.open(folder)
    for view in VIEWS:
        source = open_source(filled.cache, build(BACKBONE, pretrained=True), view)
        assert (source.store.rows_of(source.keys(snapshot.sha256, snapshot.landmarks)) >= 0).all()


def test_unreadable_images_are_skipped_and_reported(
    filled: ProjectFolder, faces: Path, caplog: pytest.LogCaptureFixture
):
    import_images(filled, sorted(faces.glob("*.jpg"))[:24], LIMITS)
    with filled.database.read() as session:
        image = session.get_one(Image, 2)
    shard_path(filled.stores.images.local_root, image.sha256, image.extension).write_bytes(b"lost")
    with caplog.at_level(logging.WARNING, "facelabel"):
        run(without_search(filled))
    counts = computed(filled)
    assert all(8 <= number < 24 for number in counts), "the batches without the unreadable image"
    assert "the features of some images are not computed in advance" in caplog.text


def test_an_unwritable_cache_ends_the_warmup_but_not_the_worker(
    filled: ProjectFolder, caplog: pytest.LogCaptureFixture
):
    filled.cache.write_bytes(b"in the way")
    ahead = without_search(filled)
    with caplog.at_level(logging.WARNING, "facelabel"):
        assert [ahead.run_step(), ahead.run_step()] == [False, False]
    assert caplog.text.count("no longer computed in advance") == 1


def test_the_worker_computes_features_before_the_first_label(filled: ProjectFolder):
    with Server(filled.path, FACELABEL_WORKER="1", FACELABEL_ROUND_EVERY="25"):
        wait_until(lambda: computed(filled) == [12, 12], "the features are there")
