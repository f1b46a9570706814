"""Unusable input of the command fit: the error explains it, the run folder records it, and nothing else is lost."""

import json

import numpy as np
import pytest
import torch

from tests.support.small_run import CONFIG, draw_snapshot
from trainer.data.dataset import SnapshotImages
from trainer.data.snapshot import UNLABELLED
from trainer.finetune.run import fit
from trainer.runtime.errors import TrainerError, WeightsError


def silent(done, total, message):
    """Show nothing."""


def failure_of(snapshot, to, **changes):
    """Fit, check that the run folder records the error, and return it."""
    with pytest.raises(TrainerError) as raised:
        fit(snapshot, to, CONFIG.model_copy(update=changes), progress=silent)
    status = json.loads((to / "status.json").read_bytes())
    assert status == {
        "state": "failed", "what": raised.value.what, "kept": raised.value.kept, "do": raised.value.do,
    }  # fmt: skip
    assert not (to / "model").exists()
    return raised.value


def test_three_images_are_enough_and_missing_metrics_are_none(tmp_path):
    snapshot = draw_snapshot(tmp_path / "snapshot", images=3, val=False)
    result = fit(snapshot, tmp_path / "fit", CONFIG, progress=silent)
    assert result.val == {"colour": None}
    assert "mark" in result.skipped


def test_a_single_class_is_nothing_to_learn(tmp_path):
    snapshot = draw_snapshot(tmp_path / "snapshot")
    for labels in snapshot.labels.values():
        labels[labels > 0] = 0
    assert "no attribute has two different answers" in failure_of(snapshot, tmp_path / "fit").what


def test_a_snapshot_without_labels_is_nothing_to_learn(tmp_path):
    snapshot = draw_snapshot(tmp_path / "snapshot")
    for labels in snapshot.labels.values():
        labels[:] = UNLABELLED
    assert "nothing to learn" in failure_of(snapshot, tmp_path / "fit").what


def test_a_class_of_the_val_split_only_is_accepted(tmp_path):
    snapshot = draw_snapshot(tmp_path / "snapshot")
    colour = snapshot.labels["colour"]
    colour[(snapshot.splits == "train") & (colour == 2)] = UNLABELLED
    result = fit(snapshot, tmp_path / "fit", CONFIG, progress=silent)
    assert 0 <= result.val["colour"] <= 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"attributes": ("luck",)}, "has no attribute 'luck'"),
        ({"loss": "binary"}, "attributes of two values"),
        ({"network": "s0_cnn"}, "at least 80 pixels"),
        ({"network": "vit_tiny_patch16_224"}, "224 pixels only"),
        ({"network": "luck"}, "no network called 'luck'"),
        ({"frozen_stages": 9}, "has 2 stages"),
    ],
)
def test_unsuitable_settings_are_refused(changes, words, tmp_path):
    snapshot = draw_snapshot(tmp_path / "snapshot")
    assert words in failure_of(snapshot, tmp_path / "fit", **changes).what


def test_weights_of_another_network_are_refused(tmp_path):
    from torchvision import models

    snapshot = draw_snapshot(tmp_path / "snapshot")
    torch.save(models.mobilenet_v3_small(weights=None).state_dict(), tmp_path / "w.pth")
    changes = {"network": "resnet18", "pretrained": True, "weights": tmp_path / "w.pth"}
    error = failure_of(snapshot, tmp_path / "fit", **changes)
    assert isinstance(error, WeightsError)
    assert "are not those of resnet18" in error.what


@pytest.mark.parametrize(
    "cause", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried…")]
)
def test_out_of_memory_names_the_settings_to_change(cause, tmp_path, monkeypatch):
    snapshot = draw_snapshot(tmp_path / "snapshot")

    def exhausted(self, progress):
        raise cause

    monkeypatch.setattr(SnapshotImages, "keep_in_memory", exhausted)
    error = failure_of(snapshot, tmp_path / "fit")
    assert "not enough memory" in error.what
    assert "batch_size" in error.do


def test_a_missing_image_does_not_cost_finished_epochs(tmp_path):
    """A run whose image vanishes after the first epoch continues from there once the image is back."""
    snapshot = draw_snapshot(tmp_path / "snapshot")
    to, image = tmp_path / "fit", tmp_path / "snapshot/images/002.png"
    content = image.read_bytes()

    def vanish(done, total, message):
        if message.startswith("epoch 2"):
            image.unlink(missing_ok=True)

    config = CONFIG.model_copy(update={"cache_megabytes": 0, "workers": 0})
    with pytest.raises(TrainerError, match=r"002\.png is not there"):
        fit(snapshot, to, config, progress=vanish)
    assert json.loads((to / "status.json").read_bytes())["state"] == "failed"
    image.write_bytes(content)
    steps = []
    result = fit(snapshot, to, config, progress=lambda done, total, message: steps.append(done))
    assert steps[0] > 4
    whole = fit(snapshot, tmp_path / "whole", config, progress=silent)
    names = ("model.safetensors", "model.json")
    assert [(result.model / n).read_bytes() for n in names] == [(whole.model / n).read_bytes() for n in names]
    assert np.isfinite(result.val["colour"])
