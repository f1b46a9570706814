"""The map of the images: images that look alike are close, and equal input gives equal places."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from trainer.networks import build
from trainer.probe import image_map
from trainer.probe.image_map import place, write_image_map
from trainer.probe.sources import BACKBONE, VIEWS, open_source
from trainer.runtime.errors import ChoiceError

LOST = "f" * 64


def clusters(count: int, size: int = 64, kinds: int = 4) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(0)
    kind = np.arange(count) % kinds
    centres = chance.normal(size=(kinds, size)) * 5
    return (centres[kind] + chance.normal(size=(count, size))).astype(np.float32), kind


def alike(places: np.ndarray, kind: np.ndarray) -> float:
    """The fraction of the images whose nearest neighbour on the map is of the same kind."""
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(len(places)) * 9
    return float((kind[distances.argmin(axis=1)] == kind).mean())


def test_alike_images_are_close_also_those_outside_the_sample(monkeypatch: pytest.MonkeyPatch):
    points, kind = clusters(120)
    monkeypatch.setattr(image_map, "SAMPLE", 80)
    places = place(points)
    assert places.shape == (120, 2)
    assert places.min() >= 0
    assert places.max() <= 1
    assert alike(places, kind) > 0.9
    assert (place(points) == places).all()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_few_images_or_equal_ones_have_places_too(count: int):
    points, _ = clusters(count)
    assert np.isfinite(place(points)).all()
    assert np.isfinite(place(np.repeat(points[:1], 12, axis=0))).all()


def test_a_map_holds_the_images_that_have_features(tmp_path: Path):
    images = tmp_path / "images.arrow"
    hashes = [f"{number:064x}" for number in range(9)] + [LOST]
    face = np.arange(10, dtype="<f4").tobytes()
    columns = {"id": list(range(1, 11)), "sha256": hashes, "landmarks": [face, *[b""] * 9]}
    table = pa.table(columns, pa.schema({"id": pa.int64(), "sha256": pa.string(), "landmarks": pa.binary()}))
    with pa.ipc.new_file(str(images), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(ChoiceError, match="No image has features"):
        write_image_map(images, tmp_path / "cache", tmp_path / "a.map", lambda _: None)
    source = open_source(tmp_path / "cache", build(BACKBONE, pretrained=True), VIEWS[0])
    landmarks = np.full((9, 5, 2), np.nan, np.float32)
    landmarks[0] = np.frombuffer(face, "<f4").reshape(5, 2)
    chance = np.random.default_rng(0)
    features = chance.normal(size=(9, source.store.size)).astype(np.float16)
    source.store.append(source.keys(hashes[:9], landmarks), features)
    assert write_image_map(images, tmp_path / "cache", tmp_path / "a.map", lambda _: None) == 9
    content = (tmp_path / "a.map").read_bytes()
    assert content[:8] == b"FLMAP1\0\0"
    assert np.frombuffer(content, "<u4", 2, 8).tolist() == [9, 10]
    assert np.frombuffer(content, "<u4", 9, 16).tolist() == list(range(1, 10))
