"""The features of new images are computed before a round needs them."""

import logging
from pathlib import Path

import pytest

from annotator.feature_warmup import FeatureWarmup
from annotator.files import shard_path
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from tests.support.projects.images import LIMITS, import_images
from tests.support.serving import Server
from tests.support.waiting import wait_until


def computed(project: ProjectFolder) -> list[str]:
    """The sha256 of the images whose features are in the cache, in the order in which they came there."""
    content = b"".join(file.read_bytes() for file in project.cache.glob("*/images.sha256"))
    return [content[start : start + 32].hex() for start in range(0, len(content), 32)]


def run(ahead: FeatureWarmup) -> None:
    while ahead.run_step():
        pass


def test_features_of_every_image_are_computed_once_whenever_it_is_imported(
    filled: ProjectFolder, tmp_path: Path
):
    ahead = FeatureWarmup(filled)
    run(ahead)
    assert len(computed(filled)) == 40
    draw_faces(tmp_path / "more", 3, size=80)
    import_images(filled, [tmp_path / "more"], LIMITS)
    run(ahead)
    run(FeatureWarmup(filled))
    assert len(computed(filled)) == len(set(computed(filled))) == 43


def test_unreadable_images_are_skipped_and_reported(filled: ProjectFolder, caplog: pytest.LogCaptureFixture):
    with filled.database.read() as session:
        image = session.get_one(Image, 2)
    shard_path(filled.images, image.sha256, image.extension).write_bytes(b"lost")
    with caplog.at_level(logging.WARNING, "facelabel"):
        run(FeatureWarmup(filled))
    assert len(computed(filled)) == 8, "the second batch"
    assert "the features of some images are not computed in advance" in caplog.text


def test_an_unwritable_cache_ends_the_warmup_but_not_the_worker(
    filled: ProjectFolder, caplog: pytest.LogCaptureFixture
):
    filled.cache.write_bytes(b"in the way")
    ahead = FeatureWarmup(filled)
    with caplog.at_level(logging.WARNING, "facelabel"):
        assert [ahead.run_step(), ahead.run_step()] == [False, False]
    assert caplog.text.count("no longer computed in advance") == 1


def test_the_worker_computes_features_before_the_first_label(filled: ProjectFolder):
    with Server(filled.path, FACELABEL_WORKER="1", FACELABEL_ROUND_EVERY="25"):
        wait_until(lambda: len(computed(filled)) == 40, "the features are there", 120)
