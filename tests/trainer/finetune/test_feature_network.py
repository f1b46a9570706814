"""A probe on the features of a fine-tuned network, calibrated on images that the network did not learn from."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.small_run import CONFIG, draw_snapshot
from trainer.data.dataset import SnapshotImages
from trainer.finetune.feature_network import read_feature_network
from trainer.finetune.model import build_model
from trainer.finetune.run import fit
from trainer.finetune.saved_model import compute_logits, save_model
from trainer.probe.linear_heads import FOLDS, PENALTIES, fit_head
from trainer.probe.probe import load_probe
from trainer.rounds.engines import ask
from trainer.rounds.load_model import open_network
from trainer.rounds.predictions import Predictions
from trainer.rounds.round import run_round
from trainer.runtime.errors import ChoiceError, ModelError, PredictionsError
from trainer.runtime.files import read_manifest
from trainer.runtime.tensors import read_tensors
from trainer.views import WHOLE


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    snapshot = draw_snapshot(folder / "snapshot", images=72)
    return snapshot, fit(snapshot, folder / "1" / "run", CONFIG, progress=lambda *_: None).model


@pytest.fixture(scope="module")
def done(tuned):
    snapshot, network = tuned
    to = network.parent.parent.parent / "2" / "run"
    return run_round(snapshot.path, to, network=network, cache=to.parent.parent / "cache")


def test_the_network_lists_its_train_images_and_val_images_are_unseen(tuned):
    snapshot, network = tuned
    found = read_feature_network(network)
    train = {sha for sha, split in zip(snapshot.sha256, snapshot.splits, strict=True) if split == "train"}
    assert found.learned == train
    assert found.unseen(snapshot).tolist() == np.flatnonzero(snapshot.splits == "val").tolist()
    assert found.backbone.input_size == CONFIG.image_size
    again = draw_snapshot(network.parent / "turned", images=72, val=False)
    assert len(found.unseen(again)) == 0, "train images are never unseen"
    object.__setattr__(again, "splits", np.full(len(again), "val"))
    assert len(found.unseen(again)) == 72 - len(train), (
        "images that the network learned from are not unseen in another split either"
    )


def test_a_round_uses_and_records_the_features_of_the_network(tuned, done):
    _, network = tuned
    model = Predictions.open(done.predictions).manifest["model"]
    weights = read_manifest(
        network / "model.json", format_name="facelabel-model", version=1, error=ModelError
    )["files"]["model.safetensors"]["sha256"]
    assert (model["engine"], model["backbone"], model["network_sha256"]) == ("probe", "small", weights)
    assert done.metrics["colour"]["val"]["balanced_accuracy"] > 0.9
    probe, manifest = load_probe(done.model)
    assert manifest["network"] == "../../../1/run/model"
    assert (
        manifest["features"]["whole"]["weights_sha256"]
        == read_feature_network(network).backbone.weights_sha256
    )
    assert len(probe.scaling["whole"][0]) == 16


def test_a_saved_probe_gives_the_same_answers_after_both_folders_are_moved(tuned, done, tmp_path):
    snapshot, network = tuned
    for folder in ("1", "2"):
        shutil.copytree(network.parent.parent.parent / folder, tmp_path / folder)
    answers = ask(tmp_path / "2" / "run" / "model", snapshot, tmp_path / "cache", lambda _: None)
    round_model = Predictions.open(done.predictions).manifest["model"]
    assert {key: answers.model[key] for key in ("backbone", "network_sha256")} == {
        key: round_model[key] for key in ("backbone", "network_sha256")
    }
    p = Predictions.open(done.predictions).probabilities("colour")
    np.testing.assert_allclose(answers.probabilities["colour"], p, atol=5e-3)
    opened = open_network(tmp_path / "2" / "run" / "model")
    some = SnapshotImages(snapshot, np.arange(len(snapshot)), [], view=replace(WHOLE, side=32))
    logits = compute_logits(opened.network, some, batch_size=8, workers=0, progress=lambda _: None)["colour"]
    assert (logits + np.log(opened.calibration["colour"]["prior"])).argmax(axis=1).tolist() == p.argmax(
        axis=1
    ).tolist()
    shutil.rmtree(tmp_path / "1")
    with pytest.raises(ModelError, match="not a complete facelabel-model"):
        ask(tmp_path / "2" / "run" / "model", snapshot, tmp_path / "cache", lambda _: None)


def test_features_are_cached_per_network(tuned, done, tmp_path):
    snapshot, network = tuned
    cache = done.model.parent.parent.parent / "cache"
    told = []
    run_round(snapshot.path, tmp_path / "again", network=network, cache=cache, progress=told.append)
    assert [(p.done, p.total) for p in told if p.stage == "features"] == [(72, 72)]
    other = build_model(CONFIG.model_copy(update={"seed": 1}), {"mark": 2}, pretrained=False)
    save_model(tmp_path / "model", other, {"mark": [0, 1]}, CONFIG, {})
    run_round(snapshot.path, tmp_path / "other", network=tmp_path / "model", cache=cache)
    assert len(list(cache.glob("small-*"))) == 2


def test_a_finished_round_is_identified_by_its_network(tuned, done):
    snapshot, network = tuned
    again = run_round(snapshot.path, done.model.parent, network=network, cache=done.model.parent / "none")
    assert again.manifest == done.manifest
    with pytest.raises(PredictionsError, match="features differs"):
        run_round(snapshot.path, done.model.parent, cache=done.model.parent / "none")


def test_an_unusable_network_is_refused_before_anything_is_written(tuned, done, tmp_path):
    snapshot, network = tuned
    to, cache = tmp_path / "round", tmp_path / "cache"
    with pytest.raises(ChoiceError, match="cnn does not work on the features"):
        run_round(snapshot.path, to, engine="cnn", network=network, cache=cache)
    with pytest.raises(ModelError, match="holds no fine-tuned network"):
        run_round(snapshot.path, to, network=done.model, cache=cache)
    damaged = shutil.copytree(network, tmp_path / "damaged")
    content = bytearray((damaged / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (damaged / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="was changed"):
        run_round(snapshot.path, to, network=damaged, cache=cache)
    blurred = CONFIG.model_copy(update={"blur": 1.0})
    save_model(
        tmp_path / "blurred",
        build_model(blurred, {"mark": 2}, pretrained=False),
        {"mark": [0, 1]},
        blurred,
        {},
    )
    with pytest.raises(ModelError, match="in its own way"):
        run_round(snapshot.path, to, network=tmp_path / "blurred", cache=cache)
    assert not (to / "predictions").exists()


def test_unseen_images_give_the_right_temperature_where_folds_are_overconfident():
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 400)
    groups = np.array([f"g{number}" for number in range(400)])
    learned = torch.from_numpy(random.normal(0, 0.1, (400, 4))).float()
    learned[:, 0] += torch.from_numpy(labels * 2.0 - 1).float()
    fresh_labels = random.integers(0, 2, 300)
    fresh = torch.from_numpy(random.normal(0, 0.1, (300, 4))).float()
    right = np.where(random.random(300) < 0.8, fresh_labels, 1 - fresh_labels)
    fresh[:, 0] += torch.from_numpy(right * 2.0 - 1).float()
    overconfident = fit_head(learned, labels, groups, 2, 0)
    honest = fit_head(learned, labels, groups, 2, 0, (fresh, fresh_labels))
    assert overconfident.answer(fresh).max(axis=1).mean() > 0.9
    assert honest.answer(fresh).max(axis=1).mean() == pytest.approx(0.8, abs=0.03)


def test_too_few_unseen_images_give_the_default_penalty_and_temperature():
    random = np.random.default_rng(0)
    embeddings = torch.from_numpy(random.normal(0, 1, (60, 4))).float()
    labels = random.integers(0, 2, 60)
    groups = np.array([f"g{number}" for number in range(60)])
    head = fit_head(embeddings, labels, groups, 2, 0, (embeddings[:0], labels[:0]))
    assert (head.temperature, head.penalty) == (1.0, max(PENALTIES))
    assert head.coefficients.shape == (5, FOLDS + 1, 2)


def test_the_hashes_of_train_images_are_saved_as_bytes(tuned):
    _, network = tuned
    assert read_tensors(network / "learned.safetensors")["sha256"].shape == (
        len(read_feature_network(network).learned),
        32,
    )
