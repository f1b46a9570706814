"""A round that does not wait for features answers the images that have them and those that are named."""

from pathlib import Path

import pytest

from tests.support.drawn_snapshot import draw_faces
from trainer.data.snapshot import Snapshot
from trainer.probe.features import BATCH, ImageFile
from trainer.rounds.engines import compute_ahead
from trainer.rounds.predictions import Predictions
from trainer.rounds.round import run_round


@pytest.fixture(scope="module")
def some_features(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A cache with the features of one batch of images, and the names of these images."""
    cache, snapshot = tmp_path_factory.mktemp("cache"), Snapshot.open(faces)
    names = snapshot.image_names[:BATCH]
    files = [
        ImageFile(snapshot.sha256[n], snapshot.image_path(n), name, snapshot.landmarks[n])
        for n, name in enumerate(names)
    ]
    compute_ahead(files, cache, 60)
    return cache, names


def test_images_with_features_and_named_ones_are_answered(
    faces: Path, some_features: tuple[Path, list[str]], tmp_path: Path
):
    cache, names = some_features
    snapshot = Snapshot.open(faces)
    more = snapshot.image_names[-3:]
    result = run_round(faces, tmp_path / "part", cache=cache, at_once=[*more, "unknown.jpg"])
    answered = Predictions.open(result.predictions)
    assert answered.table["image_name"].to_pylist() == [*names, *more]
    assert answered.manifest["snapshot"]["content_hash"] == snapshot.content_hash
    assert len(snapshot) > len(names) + len(more)


def test_without_a_label_to_learn_from_the_round_waits_for_all_images(tmp_path: Path):
    few = draw_faces(tmp_path / "few", 40, labelled=36)
    snapshot = Snapshot.open(few)
    audit = [
        name for name, split in zip(snapshot.image_names, snapshot.splits, strict=True) if split == "test"
    ]
    result = run_round(few, tmp_path / "whole", cache=tmp_path / "empty", at_once=audit[:1])
    assert result.manifest["rows"] == len(snapshot)
