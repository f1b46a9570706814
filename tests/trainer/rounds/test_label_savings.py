"""What a label chosen by a query strategy is worth in random labels."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.drawn_snapshot import draw_faces
from tests.support.training_commands import call
from trainer.data.snapshot import Snapshot
from trainer.rounds.label_savings import Material, estimate, ratio_interval


def made_up(images: int = 8000, dimensions: int = 60) -> Material:
    """Images in 60 coordinates: seven of eight show no hat, the others one of three kinds. Nothing is labelled yet."""
    random = np.random.default_rng(0)
    embeddings = random.normal(size=(images, dimensions))
    kinds = embeddings[:, :12].reshape(images, 3, 4).sum(axis=2) / 2 + 0.3 * random.normal(size=(images, 3))
    hat = np.where(kinds.max(axis=1) > 1.8, 1 + kinds.argmax(axis=1), 0)
    tensor = torch.from_numpy(embeddings / np.sqrt(dimensions)).float()
    groups = np.array([f"image:{i}" for i in range(images)])
    nothing = np.empty(0, np.int64)
    return Material(tensor.__getitem__, {"hat": hat}, groups, {"hat": 4}, nothing, nothing, nothing)


def drawn(images: Material, random: int, chosen: int, held_out: int) -> Material:
    """Select everything at random, including the images that count as chosen."""
    rows = np.random.default_rng(0).permutation(len(images.groups))
    held, some, others, _ = np.split(rows, np.cumsum([held_out, random, chosen]))
    return replace(images, held_out=held, random=some, chosen=others)


def test_labels_of_rare_classes_are_worth_more():
    images = drawn(made_up(), random=300, chosen=6000, held_out=1500)
    hats = images.labels["hat"][images.chosen]
    savings = estimate(
        replace(images, chosen=np.concatenate([images.chosen[hats == c][:230] for c in range(4)])), 0
    )
    assert savings.low is not None
    assert 1 < savings.low < savings.worth
    assert savings.saved == round(920 * (savings.low - 1))
    assert (savings.random, savings.chosen, savings.held_out, savings.trained_on) == (300, 920, 1500, 300)
    assert savings.missing is None
    assert f"{savings.worth:.2f} random ones ({savings.low:.2f} to {savings.high:.2f})" in savings.text
    assert f"(at least {savings.low:.2f})" in replace(savings, high=None).text


def test_random_labels_are_worth_one_random_label():
    savings = estimate(drawn(made_up(), random=300, chosen=900, held_out=1500), 0)
    assert savings.low is not None
    assert savings.low <= 1 <= savings.high
    assert savings.saved is None


@pytest.mark.parametrize(
    ("random", "chosen", "held_out", "missing"),
    [
        (12, 300, 300, "12 random labels to learn from, at least 30"),
        (300, 12, 300, "12 labels that the strategy chose, at least 60"),
        (300, 300, 12, "12 audit images, at least 30"),
        (30, 60, 40, "30 random labels, about "),
    ],
)
def test_too_few_labels_give_no_estimate_and_a_reason(random, chosen, held_out, missing):
    savings = estimate(drawn(made_up(), random, chosen, held_out), 0)
    assert (savings.worth, savings.low, savings.high, savings.saved) == (None, None, None, None)
    assert savings.missing.startswith(missing)


def test_the_interval_of_a_ratio_is_that_of_fieller():
    covariance = np.array([[0.01, 0.002], [0.002, 0.0025]])
    low, high = ratio_interval(0.3, 0.2, covariance)
    for ratio in (low, high):
        variance = covariance[0, 0] - 2 * ratio * covariance[0, 1] + ratio**2 * covariance[1, 1]
        assert abs(0.3 - ratio * 0.2) == pytest.approx(1.96 * variance**0.5)
    assert low < 1.5 < high
    assert ratio_interval(0.3, 0.09, covariance) is None, "a slope that may be 0 gives no bounds"
    assert ratio_interval(0.3, -0.2, covariance) is None


def test_the_command_sorts_labels_by_their_selection(cache: Path, tmp_path: Path):
    folder = draw_faces(tmp_path / "snapshot", 120, labelled=110)
    snapshot = Snapshot.open(folder)
    probability = {name: (0.01, 0.0)[place % 2] for place, name in enumerate(snapshot.image_names[:100])}
    selection, to = tmp_path / "selection.csv", tmp_path / "run" / "labels_saved.json"
    selection.write_text("image_name,drawn\n" + "".join(f"{n},{p}\n" for n, p in probability.items()))
    command = ("labels-saved", folder, "--selection", selection, "--to", to, "--cache", cache)
    ran = call(*command)
    assert ran.exit_code == 0
    assert "cannot be estimated yet" in ran.output
    found = json.loads(to.read_text())
    split = dict(zip(snapshot.image_names, snapshot.splits, strict=True))
    in_train = [p for name, p in probability.items() if split[name] == "train"]
    audit = [name for name in snapshot.image_names[:110] if split[name] == "test"]
    val = [name for name, p in probability.items() if split[name] == "val" and p > 0]
    assert found["random"] == sum(p > 0 for p in in_train)
    assert found["chosen"] == sum(p == 0 for p in in_train)
    assert found["held_out"] == len(audit) + len(val)
    selection.write_text("image_name\n0000.png\n")
    refused = call(*command)
    assert refused.exit_code == 1
    assert "does not say how images were drawn" in refused.output
