"""A snapshot as a PyTorch dataset, and the example in docs/export.md."""

import re
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from tests.support.paths import CHECKOUT
from trainer.data.snapshot import Snapshot
from trainer.data.torch_dataset import NOT_KNOWN, SnapshotDataset
from trainer.runtime.errors import SnapshotError

PAGE = CHECKOUT / "docs" / "export.md"


def test_items_are_the_images_and_labels_of_the_split(faces: Path):
    snapshot = Snapshot.open(faces)
    dataset = SnapshotDataset(faces, split="train", side=32)
    assert dataset.names == [
        n for n, s in zip(snapshot.image_names, snapshot.splits, strict=True) if s == "train"
    ]
    assert dataset.classes["hair"] == ["brown", "blond", "gray", "green"]
    for item in (0, len(dataset) - 1):
        image, labels = dataset[item]
        index = snapshot.image_names.index(dataset.names[item])
        assert image.shape == (3, 32, 32)
        assert 0 <= image.min() < image.max() <= 1
        for name, column in snapshot.labels.items():
            assert labels[name] == (column[index] if column[index] >= 0 else NOT_KNOWN)


def test_the_loss_ignores_unlabelled_cells(faces: Path):
    [(_, labels)] = DataLoader(SnapshotDataset(faces, side=16), batch_size=1000)
    labelled = labels["glasses"] >= 0
    assert 0 < labelled.sum() < len(labelled)
    scores = torch.randn(len(labelled), 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(
        cross_entropy(scores, labels["glasses"]), cross_entropy(scores[labelled], labels["glasses"][labelled])
    )


def test_a_split_without_images_is_refused(faces: Path):
    with pytest.raises(SnapshotError, match="'training'"):
        SnapshotDataset(faces, split="training")


def test_the_example_of_the_documentation_runs(faces: Path, monkeypatch, capsys):
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(list(filter(None, example.splitlines()))) == 5
    faces.with_name("faces-v1").symlink_to(faces)
    monkeypatch.chdir(faces.parent)
    exec(compile(example, str(PAGE), "exec"), {})
    assert "torch.Size([32, 3, 224, 224])" in capsys.readouterr().out
