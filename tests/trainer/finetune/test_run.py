"""A fine-tuning run on drawn images: what it learns, what it writes, and how it fails."""

import csv
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from tests.support.forked import processes
from tests.support.small_run import CONFIG, draw_snapshot, hold_lock
from trainer.config import FitConfig
from trainer.data.augmentation import augmentation, draw
from trainer.data.dataset import SnapshotImages, epoch_order, train_batches
from trainer.finetune.optimization import rate_factor, set_learning_rate, update_average
from trainer.finetune.run import fit
from trainer.finetune.saved_model import load_model, predict_logits
from trainer.finetune.validation import balanced_accuracy
from trainer.networks import build
from trainer.runtime.errors import ImageError, ModelError, TrainerError
from trainer.runtime.tensors import load_checkpoint
from trainer.views import WHOLE


def silent(done, total, message):
    """Show nothing."""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return draw_snapshot(tmp_path_factory.mktemp("drawn") / "snapshot")


@pytest.fixture(scope="module")
def run(snapshot, tmp_path_factory):
    to = tmp_path_factory.mktemp("run") / "fit"
    config = CONFIG.model_copy(update={"epochs": 12, "checkpoint_steps": 500, "patience": 12})
    return to, config, fit(snapshot, to, config, progress=silent)


def test_a_run_learns_from_the_labelled_cells(run, snapshot):
    _, _, result = run
    assert result.val["colour"] > 0.9
    logits = predict_logits(result.model, snapshot, np.arange(len(snapshot)), silent)
    assert logits["colour"].shape == (48, 3)
    assert logits["colour"].dtype == np.float32
    drawn = np.arange(48) % 3
    assert (logits["colour"].argmax(axis=1) == drawn).mean() > 0.9


def test_an_attribute_with_fewer_than_two_classes_is_skipped_with_a_reason(run):
    _, _, result = run
    assert result.skipped == {
        "same": "all labelled train images have the code 1",
        "never": "no train image is labelled",
    }
    assert load_model(result.model).codes == {"colour": [0, 2, 5], "mark": [0, 1]}


def test_the_run_folder_records_settings_status_and_metrics(run, snapshot):
    to, config, result = run
    saved = json.loads((to / "config.json").read_text())
    assert FitConfig.model_validate(saved["config"]) == config
    assert saved["identity"]["snapshot"] == snapshot.content_hash
    assert json.loads((to / "status.json").read_text()) == {"state": "done"}
    with (to / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))
    best = max(rows, key=lambda row: float(row["val_balanced_accuracy"]))
    assert result.epoch == int(best["epoch"])
    assert float(best["val_balanced_accuracy:colour"]) == pytest.approx(result.val["colour"], abs=1e-5)
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_the_model_folder_holds_the_best_weights(run):
    to, _, result = run
    best, metrics = load_checkpoint(to / "checkpoints", "best")
    saved = load_model(result.model).network.state_dict()
    assert metrics["epoch"] == result.epoch
    assert all(torch.equal(saved[name], best[name]) for name in best)


def test_a_finished_run_is_not_trained_again(run, snapshot):
    to, config, result = run
    steps = []
    assert fit(snapshot, to, config, progress=lambda *step: steps.append(step)) == result
    assert steps == []


def test_a_run_stops_when_the_validation_score_no_longer_rises(snapshot, tmp_path):
    config = CONFIG.model_copy(
        update={"epochs": 50, "patience": 1, "learning_rate": 1e-9, "head_learning_rate": 1e-9}
    )
    result = fit(snapshot, tmp_path / "fit", config, progress=silent)
    assert result.epoch == 1
    assert len((tmp_path / "fit/metrics.csv").read_text().splitlines()) == 1 + 2


def test_without_val_images_the_last_epoch_is_kept(tmp_path):
    snapshot = draw_snapshot(tmp_path / "snapshot", val=False)
    result = fit(snapshot, tmp_path / "fit", CONFIG, progress=silent)
    assert result.epoch == CONFIG.epochs
    assert result.val == {"colour": None, "mark": None}


def test_the_pretrained_network_is_fine_tuned_with_its_frozen_stages_and_statistics_untouched(
    snapshot, tmp_path
):
    config = FitConfig(image_size=32, epochs=1, batch_size=16, frozen_stages=3, ema_decay=0, threads=1)
    result = fit(snapshot, tmp_path / "fit", config, progress=silent)
    before = build("efficientnet_lite0", pretrained=True).state_dict()
    after = load_model(result.model).network.backbone.state_dict()
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert any(name.startswith("layers.head.") for name in changed)
    assert not any(name.startswith(("layers.stem.", "layers.stage1.", "layers.stage2.")) for name in changed)
    assert not any("running" in name for name in changed)


def test_another_run_is_not_overwritten(run, tmp_path):
    to, config, result = run
    before = result.model.joinpath("model.json").read_bytes()
    other = draw_snapshot(tmp_path / "snapshot", shift=1)
    with pytest.raises(TrainerError, match="another snapshot or other settings"):
        fit(other, to, config, progress=silent)
    assert result.model.joinpath("model.json").read_bytes() == before


def test_other_settings_are_refused_except_execution_settings(run, snapshot):
    to, config, result = run
    with pytest.raises(TrainerError, match="another snapshot or other settings"):
        fit(snapshot, to, config.model_copy(update={"seed": 1}), progress=silent)
    assert fit(snapshot, to, config.model_copy(update={"workers": 1}), progress=silent) == result


def test_a_folder_with_other_files_is_refused(snapshot, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(TrainerError, match="is not empty"):
        fit(snapshot, tmp_path, CONFIG, progress=silent)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_processes_do_not_fit_into_one_folder(snapshot, tmp_path):
    context = processes()
    held, release = context.Event(), context.Event()
    to = tmp_path / "fit"
    (to / "checkpoints").mkdir(parents=True)
    other = context.Process(target=hold_lock, args=(to / ".lock", held, release))
    other.start()
    assert held.wait(60)
    with pytest.raises(TrainerError, match="Another process"):
        fit(snapshot, to, CONFIG, progress=silent)
    release.set()
    other.join()
    assert fit(snapshot, to, CONFIG, progress=silent).model.is_dir()


def test_a_loss_that_is_not_finite_stops_the_run_with_a_status(snapshot, tmp_path):
    to = tmp_path / "fit"
    config = CONFIG.model_copy(
        update={"learning_rate": 1e30, "head_learning_rate": 1e30, "gradient_clip": 1e30, "warmup_epochs": 0}
    )
    with pytest.raises(TrainerError, match="The loss became"):
        fit(snapshot, to, config, progress=silent)
    status = json.loads((to / "status.json").read_text())
    assert status["state"] == "failed"
    assert "lower learning rate" in status["do"]
    assert not (to / "model").exists()


def test_undecodable_images_are_named_and_counted_before_training(tmp_path):
    snapshot = draw_snapshot(tmp_path / "snapshot")
    for number in (2, 5):
        (tmp_path / f"snapshot/images/{number:03d}.png").write_bytes(b"\x89PNG cut off")
    with pytest.raises(
        ImageError, match=r"002\.png is not an image that can be read.* 1 other images fail too"
    ):
        fit(snapshot, tmp_path / "fit", CONFIG, progress=silent)
    assert json.loads((tmp_path / "fit/status.json").read_text())["state"] == "failed"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_missing_image_is_named_when_images_are_not_kept_in_memory(tmp_path, workers):
    snapshot = draw_snapshot(tmp_path / "snapshot")
    (tmp_path / "snapshot/images/002.png").unlink()
    config = CONFIG.model_copy(update={"cache_megabytes": 0, "workers": workers})
    with pytest.raises(ImageError, match=r"002\.png"):
        fit(snapshot, tmp_path / "fit", config, progress=silent)


def test_too_many_frozen_stages_are_refused(snapshot, tmp_path):
    with pytest.raises(TrainerError, match="has 2 stages"):
        fit(snapshot, tmp_path / "fit", CONFIG.model_copy(update={"frozen_stages": 3}), progress=silent)


def test_a_snapshot_with_one_class_per_attribute_is_refused(tmp_path):
    snapshot = draw_snapshot(tmp_path / "snapshot")
    for labels in snapshot.labels.values():
        labels[labels > 0] = 0
    with pytest.raises(TrainerError, match="nothing to learn"):
        fit(snapshot, tmp_path / "fit", CONFIG, progress=silent)


def test_a_model_refuses_a_snapshot_of_another_schema(run, tmp_path):
    _, _, result = run
    other = draw_snapshot(tmp_path / "snapshot")
    other.attributes[0] = other.attributes[1]
    with pytest.raises(ModelError, match="another schema: colour"):
        predict_logits(result.model, other, np.arange(3), silent)


def test_frozen_statistics_without_published_ones_are_refused():
    with pytest.raises(ValueError, match="batch_norm"):
        FitConfig(pretrained=False)


def test_an_epoch_holds_every_image_once_in_its_own_order():
    orders = [epoch_order(17, 8, seed=3, epoch=epoch) for epoch in (0, 0, 1)]
    assert sorted(item for batch in orders[0] for item in batch) == list(range(17))
    assert orders[0] == orders[1] != orders[2]
    assert {len(batch) for batch in orders[0]} == {5, 6}


def test_augmented_batches_do_not_depend_on_workers_or_the_start_step(snapshot):
    images = SnapshotImages(snapshot, np.arange(24), ["colour"], view=replace(WHOLE, side=32))
    batches = epoch_order(24, 8, seed=0, epoch=1)

    def batches_of(chosen, workers, epoch=1):
        augment = partial(draw, augmentation(CONFIG), 0, epoch)
        return [batch.images for batch in train_batches(images, chosen, augment, workers=workers)]

    plain = batches_of(batches, 0)
    assert torch.equal(torch.cat(plain), torch.cat(batches_of(batches, 1)))
    assert torch.equal(torch.cat(plain), torch.cat(batches_of(batches, None)))
    assert torch.equal(plain[2], batches_of(batches[2:], 0)[0])
    assert not torch.equal(plain[0], batches_of(batches, 0, epoch=2)[0])


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_occur():
    labels = np.array([0, 0, 0, 0, 2, 2, -1, -2])
    predicted = np.array([0, 0, 0, 1, 2, 0, 2, 2])
    assert balanced_accuracy(predicted, labels) == pytest.approx((0.75 + 0.5) / 2)
    assert balanced_accuracy(predicted, np.zeros(8, int)) is None


def test_the_learning_rate_rises_to_its_peak_and_falls_to_zero():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([{"params": [parameter], "lr": 1.0, "peak": 2.0}])
    config = CONFIG.model_copy(update={"epochs": 5, "warmup_epochs": 1})
    rates = []
    for step in range(20):
        set_learning_rate(optimizer, rate_factor(config, step=step, steps=4))
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates.index(max(rates)) == 4
    assert max(rates) == 2.0
    assert rates[:5] == sorted(rates[:5])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert 0 < rates[-1] < 0.05


def test_the_running_mean_moves_towards_the_weights_and_equals_them_without_decay():
    averaged, model = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    start = averaged.weight.detach().clone()
    update_average(averaged, model, decay=0.9, step=10_000)
    torch.testing.assert_close(averaged.weight, 0.9 * start + 0.1 * model.weight)
    update_average(averaged, model, decay=0, step=0)
    torch.testing.assert_close(averaged.weight, model.weight)
