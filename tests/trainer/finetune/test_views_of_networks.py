"""Networks that see the head or the face: training, answers, features for a probe, galleries and explanations."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.support.small_run import CONFIG, draw_snapshot, register_small
from trainer.config import FitConfig
from trainer.data.images import load_view
from trainer.data.torch_dataset import SnapshotDataset
from trainer.evaluation.outputs import Answers
from trainer.finetune.run import fit
from trainer.finetune.saved_model import load_model, predict_logits
from trainer.probe.probe import load_probe
from trainer.reports.explanation import explain
from trainer.reports.galleries import SIDE, galleries
from trainer.reports.pictures import picture
from trainer.rounds.engines import ask, probe
from trainer.rounds.image_predictions import predict_files
from trainer.views import HEAD

SEEN = replace(HEAD, side=32)


def turned_faces(count: int) -> np.ndarray:
    """Landmarks of a small face that is turned by 90 degrees, another one in every image."""
    upright = np.float32([[4, 8], [7, 8], [11, 8], [14, 8], [9, 14]])
    turned = upright[:, ::-1] * [-1, 1] + [22, 0]
    return np.float32([turned + np.float32([i % 5, 0]) for i in range(count)])


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    register_small()
    drawn = draw_snapshot(tmp_path_factory.mktemp("snapshot"))
    return replace(drawn, landmarks=turned_faces(len(drawn)))


@pytest.fixture(scope="module")
def model(snapshot, tmp_path_factory):
    config = CONFIG.model_copy(update={"view": "head", "epochs": 2})
    return fit(snapshot, tmp_path_factory.mktemp("run"), config, progress=lambda *_: None).model


def no_faces(snapshot):
    return replace(snapshot, landmarks=np.full_like(snapshot.landmarks, np.nan))


def test_a_network_answers_the_view_that_it_was_trained_on(snapshot, model):
    saved, rows = load_model(model), np.arange(6)
    assert saved.views == (SEEN,)
    logits = predict_logits(model, snapshot, rows, lambda *_: None)["colour"]
    views = [load_view(snapshot.image_path(row), snapshot.landmarks[row], SEEN) for row in rows]
    alone = saved.network(saved.network.prepare(torch.stack(views)))["colour"].detach().numpy()
    np.testing.assert_allclose(logits, alone, atol=1e-4)
    whole = predict_logits(model, no_faces(snapshot), rows, lambda *_: None)["colour"]
    assert np.abs(whole - logits).max() > 0.01


def test_a_probe_on_its_features_sees_the_same_view(snapshot, model, tmp_path):
    answers = probe(snapshot, tmp_path / "run", tmp_path / "cache", 0, lambda _: None, model)
    _, manifest = load_probe(tmp_path / "run" / "model")
    assert manifest["features"]["head"]["view"] == SEEN.as_json()
    assert answers.views["colour"] == SEEN
    again = ask(tmp_path / "run" / "model", snapshot, tmp_path / "cache", lambda _: None)
    np.testing.assert_allclose(again.probabilities["colour"], answers.probabilities["colour"], atol=1e-3)


def test_a_gallery_shows_the_view(snapshot):
    p = np.full((len(snapshot), 3), 1 / 3, np.float32)
    answers = Answers({"colour": p}, {}, {}, {}, {"colour": SEEN})
    ((_, faces),) = next(iter(galleries(snapshot, answers, {"colour": {"right": np.array([3])}}))).parts
    shown = load_view(snapshot.image_path(3), snapshot.landmarks[3], replace(HEAD, side=SIDE))
    assert faces[0].picture.source == picture(shown.permute(1, 2, 0).numpy(), alt="").source


def test_files_that_a_snapshot_holds_are_answered_and_explained_by_their_faces(snapshot, model, tmp_path):
    file = snapshot.image_path(2)
    logits = predict_logits(model, snapshot, np.array([2]), lambda *_: None)["colour"]
    expected = load_model(model).calibrated("colour", logits).max()
    predict_files(model, [file], tmp_path / "known.csv", lambda *_: None, snapshot)
    predict_files(model, [file], tmp_path / "unknown.csv", lambda *_: None)
    known, unknown = (
        (tmp_path / name).read_text().splitlines()[1].split(",")[2] for name in ("known.csv", "unknown.csv")
    )
    assert float(known) == pytest.approx(expected, abs=1e-3)
    assert known != unknown
    pages = [
        explain(model, file, tmp_path / str(number), given).read_text()
        for number, given in enumerate((snapshot, no_faces(snapshot)))
    ]
    assert pages[0] != pages[1]


def test_a_torch_dataset_of_views(snapshot):
    dataset = SnapshotDataset(snapshot.path, side=32, view=HEAD)
    dataset.snapshot = snapshot
    image, _ = dataset[1]
    seen = load_view(snapshot.image_path(1), snapshot.landmarks[1], SEEN)
    torch.testing.assert_close(image, seen.float() / 255)


def test_a_view_is_not_cropped_again():
    with pytest.raises(ValidationError, match="is a crop already"):
        FitConfig(view="face", crop=0.8)
