"""The features of erased images are removed from the cache; a crash leaves them all, only the others, or none."""

from pathlib import Path

import numpy as np

from trainer.data.faces import no_landmarks
from trainer.probe.feature_store import FeatureStore
from trainer.probe.forgetting import keep_features
from trainer.probe.keys import record_keys
from trainer.runtime.files import sha256_text
from trainer.views import HEAD, WHOLE

IMAGES = [sha256_text(str(number)) for number in range(5)]
RECORDS = np.arange(15, dtype=np.float16).reshape(5, 3)


def stores(cache: Path) -> dict[str, FeatureStore]:
    made = {}
    for view in (HEAD, WHOLE):
        recipe = {"side": view.side} | ({"view": view.as_json()} if view is HEAD else {})
        made[view.name] = FeatureStore(cache / view.name, recipe, 3)
        made[view.name].append(record_keys(view, IMAGES, no_landmarks(5)), RECORDS)
    return made


def test_only_the_records_of_the_images_that_remain_are_kept(tmp_path: Path):
    made = stores(tmp_path)
    assert keep_features(tmp_path, IMAGES[:2] + IMAGES[3:], no_landmarks(4)) == 2
    for view in (HEAD, WHOLE):
        store = made[view.name]
        assert store.rows_of(record_keys(view, IMAGES, no_landmarks(5))).tolist() == [0, 1, -1, 2, 3]
        assert (store.records() == RECORDS[[0, 1, 3, 4]]).all()
        assert RECORDS[2].tobytes() not in (store.folder / "features.f16").read_bytes()
    assert keep_features(tmp_path, IMAGES[:2] + IMAGES[3:], no_landmarks(4)) == 0


def test_what_a_crash_left_behind_the_records_is_removed_too(tmp_path: Path):
    store = stores(tmp_path)["whole"]
    with (store.folder / "features.f16").open("ab") as file:
        file.write(b"torn")
    (store.folder / ".features.f16.killed").mkdir()
    (store.folder / ".features.f16.killed" / "features.f16").write_bytes(RECORDS.tobytes())
    assert keep_features(tmp_path, IMAGES, no_landmarks(5)) == 0
    assert (store.folder / "features.f16").read_bytes() == RECORDS.tobytes()
    assert not (store.folder / ".features.f16.killed").exists()
    (store.folder / "images.sha256").write_bytes(b"")  # killed between the two files
    assert keep_features(tmp_path, IMAGES[:4], no_landmarks(4)) == 1  # of the other store
    assert (store.folder / "features.f16").read_bytes() == b""


def test_a_store_of_an_earlier_version_is_removed(tmp_path: Path):
    store = stores(tmp_path)["head"]
    (store.folder / "size").unlink()
    keep_features(tmp_path, IMAGES, no_landmarks(5))
    assert not store.folder.exists()
