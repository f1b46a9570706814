"""Features are computed once, and a crash leaves no damaged record that is ever read."""

import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.drawn_snapshot import draw_faces
from tests.support.paths import CHECKOUT
from trainer.data.snapshot import Snapshot
from trainer.networks import build
from trainer.probe.feature_store import FeatureStore
from trainer.probe.features import compute_features
from trainer.probe.sources import open_source
from trainer.runtime.errors import ImageError
from trainer.runtime.files import sha256_text
from trainer.views import FACE, HEAD, WHOLE

DIGESTS = [sha256_text(str(number)) for number in range(5)]
RECORDS = np.arange(15, dtype=np.float16).reshape(5, 3)

KILLED = """
import os, signal, sys
from pathlib import Path
from trainer.probe import features
from trainer.networks import build
from trainer.data.snapshot import Snapshot
from trainer.views import FACE, HEAD
features.BATCH, features.CHUNK = 2, 4
def progress(done, total):
    if done == 6:
        os.kill(os.getpid(), signal.SIGKILL)
features.compute_features(
    Snapshot.open(Path(sys.argv[1])), build("efficientnet_lite0", pretrained=True), Path(sys.argv[2]), [HEAD],
    progress=progress,
)
"""


@pytest.fixture(scope="module")
def backbone():
    return build("efficientnet_lite0", pretrained=True)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return Snapshot.open(draw_faces(tmp_path_factory.mktemp("few") / "snapshot", 9, labelled=0))


def head_features(snapshot, backbone, cache, *, progress):
    return compute_features(snapshot, backbone, cache, [HEAD], progress=progress)["head"]


def silent(_done: int, _total: int) -> None:
    pass


def test_added_records_are_visible_to_another_reader(tmp_path):
    FeatureStore(tmp_path, {}, 3).append(DIGESTS, RECORDS)
    store = FeatureStore(tmp_path, {}, 3)
    assert store.rows_of([DIGESTS[3], "ff" * 32, DIGESTS[0]]).tolist() == [3, -1, 0]
    assert np.array_equal(store.records(), RECORDS)


def test_records_without_a_digest_are_ignored_and_overwritten(tmp_path):
    store = FeatureStore(tmp_path, {}, 3)
    store.append(DIGESTS[:2], RECORDS[:2])
    for name, torn in (("features.f16", b"torn record"), ("images.sha256", b"torn digest")):
        with (tmp_path / name).open("ab") as stream:
            stream.write(torn)
    assert len(store) == 2
    store.append(DIGESTS[2:], RECORDS[2:])
    assert store.rows_of(DIGESTS).tolist() == list(range(len(DIGESTS)))
    assert np.array_equal(store.records(), RECORDS)


def test_reading_a_part_equals_mapping_it(tmp_path):
    store = FeatureStore(tmp_path, {}, 3)
    records = np.arange(15, dtype=np.float16).reshape(5, 3)
    store.append([sha256_text(str(i)) for i in range(5)], records)
    for start, count in ((0, 2), (3, 2), (4, 9), (5, 1), (0, 0)):
        assert np.array_equal(store.read(start, count), store.records()[start : start + count])


def test_an_empty_store_has_no_records(tmp_path):
    store = FeatureStore(tmp_path, {}, 3)
    assert store.rows_of(DIGESTS[:1]).tolist() == [-1]
    assert store.rows_of([]).tolist() == []
    assert store.records().shape == (0, 3)


def test_a_killed_run_continues_and_ends_with_the_same_features(few, backbone, tmp_path):
    command = [sys.executable, "-c", KILLED, str(few.path), str(tmp_path / "killed")]
    killed = subprocess.run(command, cwd=CHECKOUT, check=False)
    assert killed.returncode == -signal.SIGKILL
    begun: list[int] = []
    features = head_features(few, backbone, tmp_path / "killed", progress=lambda done, _: begun.append(done))
    assert begun[0] == 4
    whole = head_features(few, backbone, tmp_path / "whole", progress=silent)
    rows = np.arange(len(few))
    np.testing.assert_allclose(
        features.store.records()[features.rows[rows]],
        whole.store.records()[whole.rows[rows]],
        rtol=0.02,
        atol=0.02,
    )


def test_cached_features_are_not_computed_again(few, backbone, tmp_path):
    head_features(few, backbone, tmp_path, progress=silent)
    calls: list[tuple[int, int]] = []
    head_features(few, backbone, tmp_path, progress=lambda *call: calls.append(call))
    assert calls == [(9, 9)]


def test_a_changed_image_is_named_and_not_cached(few, backbone, tmp_path):
    folder = draw_faces(tmp_path / "snapshot", 3, labelled=0)
    (folder / "images" / "0001.png").write_bytes((folder / "images" / "0002.png").read_bytes())
    with pytest.raises(ImageError, match=r"0001\.png was changed"):
        head_features(Snapshot.open(folder), backbone, tmp_path / "cache", progress=silent)
    (store,) = (tmp_path / "cache").iterdir()
    assert (store / "images.sha256").stat().st_size == 0


@pytest.mark.parametrize("content", [None, b"", b"not an image", b"\x89PNG\r\n\x1a\n torn"])
def test_an_image_that_is_missing_or_broken_is_named(backbone, tmp_path, content):
    folder = draw_faces(tmp_path / "snapshot", 3, labelled=0)
    broken = folder / "images" / "0001.png"
    broken.unlink()
    if content is not None:
        broken.write_bytes(content)
    with pytest.raises(ImageError, match=r"0001\.png"):
        head_features(Snapshot.open(folder), backbone, tmp_path / "cache", progress=silent)


def test_a_recreated_cache_is_looked_up_again(few, backbone, tmp_path):
    before = head_features(few, backbone, tmp_path, progress=silent)
    images = torch.arange(len(few))
    expected = before.of(images).clone()
    content = before.store.records()[::-1].copy()
    digests = [digest.tobytes().hex() for digest in before.store.digests()[::-1]]
    for file in before.store.folder.iterdir():
        file.unlink()
    open_source(tmp_path, backbone, HEAD).store.append(digests, content)
    after = head_features(few, backbone, tmp_path, progress=silent)
    assert torch.equal(after.of(images), expected)
    assert head_features(few, backbone, tmp_path, progress=silent) is after, "nothing changed since"


SMALL_FACE = replace(FACE, side=96)
SMALL = [replace(HEAD, side=64), SMALL_FACE]


def test_every_view_has_its_records_and_only_missing_ones_are_computed(few, backbone, tmp_path):
    features = compute_features(few, backbone, tmp_path, SMALL, progress=silent)
    assert list(features) == ["head", "face"]
    assert [len(of_view.store) for of_view in features.values()] == [9, 9]
    head = features["head"].of(torch.arange(9))
    alone = compute_features(few, backbone, tmp_path / "alone", SMALL[:1], progress=silent)["head"]
    torch.testing.assert_close(alone.of(torch.arange(9)), head, rtol=0.02, atol=0.02)
    shutil.rmtree(features["face"].store.folder)
    again = compute_features(few, backbone, tmp_path, SMALL, progress=silent)
    assert [len(of_view.store) for of_view in again.values()] == [9, 9]
    assert torch.equal(again["head"].of(torch.arange(9)), head)


def test_a_corrected_face_gives_new_features_of_its_image_only(few, backbone, tmp_path):
    before = compute_features(few, backbone, tmp_path, SMALL, progress=silent)["face"]
    landmarks = np.full((9, 5, 2), np.nan, np.float32)
    landmarks[4] = [[24, 30], [32, 30], [48, 30], [40, 30], [36, 40]]
    corrected = replace(few, landmarks=landmarks)
    after = compute_features(corrected, backbone, tmp_path, SMALL, progress=silent)["face"]
    assert len(after.store) == 10
    changed = (before.of(torch.arange(9)) != after.of(torch.arange(9))).any(dim=1)
    assert changed.nonzero().flatten().tolist() == [4]


def test_features_of_whole_images_keep_the_records_of_the_time_before_views(few, backbone, tmp_path):
    source = open_source(tmp_path, backbone, replace(WHOLE, side=backbone.input_size))
    assert source.recipe == {
        "backbone": "efficientnet_lite0", "side": 224, "version": 2, "weights_sha256": backbone.weights_sha256
    }  # fmt: skip
    assert source.keys(few.sha256, few.landmarks) == few.sha256
