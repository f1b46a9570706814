"""What a chosen label is worth in random ones: more where it is, the same where it cannot be, nothing where little is known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from tests.support.drawn_snapshot import draw_faces
from trainer.cli import main
from trainer.data.snapshot import Snapshot
from trainer.rounds.label_savings import Material, estimate, ratio_interval


def made_up(images: int = 8000, dimensions: int = 60) -> Material:
    """Images in 60 coordinates: seven of eight wear no hat, three kinds of hats share the rest. Nothing is labelled yet."""
    random = np.random.default_rng(0)
    points = random.normal(size=(images, dimensions))
    kinds = points[:, :12].reshape(images, 3, 4).sum(axis=2) / 2 + 0.3 * random.normal(size=(images, 3))
    hat = np.where(kinds.max(axis=1) > 1.8, 1 + kinds.argmax(axis=1), 0)
    tensor = torch.from_numpy(points / np.sqrt(dimensions)).float()
    groups = np.array([f"image:{i}" for i in range(images)])
    nothing = np.empty(0, np.int64)
    return Material(tensor.__getitem__, {"hat": hat}, groups, {"hat": 4}, nothing, nothing, nothing)


def drawn(images: Material, random: int, chosen: int, held_out: int) -> Material:
    """Everything is drawn at random, what is said to be chosen too."""
    rows = np.random.default_rng(0).permutation(len(images.groups))
    held, some, others, _ = np.split(rows, np.cumsum([held_out, random, chosen]))
    return replace(images, held_out=held, random=some, chosen=others)


def test_where_the_rule_finds_the_rare_classes_its_labels_are_worth_more():
    images = drawn(made_up(), random=300, chosen=6000, held_out=1500)
    hats = images.labels["hat"][images.chosen]
    found = estimate(
        replace(images, chosen=np.concatenate([images.chosen[hats == c][:230] for c in range(4)])), 0
    )
    assert found.low is not None
    assert 1 < found.low < found.worth
    assert found.saved == round(920 * (found.low - 1))
    assert (found.random, found.chosen, found.held_out, found.trained_on) == (300, 920, 1500, 300)
    assert found.missing is None


def test_random_against_random_is_worth_as_much_and_saves_nothing():
    found = estimate(drawn(made_up(), random=300, chosen=900, held_out=1500), 0)
    assert found.low is not None
    assert found.low <= 1 <= found.high
    assert found.saved is None


@pytest.mark.parametrize(
    ("random", "chosen", "held_out", "missing"),
    [
        (12, 300, 300, "12 random labels to learn from, at least 30"),
        (300, 12, 300, "12 labels that the rule chose, at least 60"),
        (300, 300, 12, "12 audit images, at least 30"),
        (30, 60, 40, "30 random labels, about "),
    ],
)
def test_too_little_gives_no_figure_and_says_what_is_missing(random, chosen, held_out, missing):
    found = estimate(drawn(made_up(), random, chosen, held_out), 0)
    assert (found.worth, found.low, found.high, found.saved) == (None, None, None, None)
    assert found.missing.startswith(missing)


def test_the_interval_of_a_ratio_is_fiellers():
    covariance = np.array([[0.01, 0.002], [0.002, 0.0025]])
    low, high = ratio_interval(0.3, 0.2, covariance)
    for ratio in (low, high):
        variance = covariance[0, 0] - 2 * ratio * covariance[0, 1] + ratio**2 * covariance[1, 1]
        assert abs(0.3 - ratio * 0.2) == pytest.approx(1.96 * variance**0.5)
    assert low < 1.5 < high
    assert ratio_interval(0.3, 0.09, covariance) is None, "a slope that may be 0 bounds nothing"
    assert ratio_interval(0.3, -0.2, covariance) is None


def test_the_command_sorts_a_snapshots_labels_by_how_they_were_drawn(cache: Path, tmp_path: Path):
    folder = draw_faces(tmp_path / "snapshot", 120, labelled=110)
    snapshot = Snapshot.open(folder)
    probability = {name: (0.01, 0.0)[place % 2] for place, name in enumerate(snapshot.image_names[:100])}
    selection, to = tmp_path / "selection.csv", tmp_path / "run" / "labels_saved.json"
    selection.write_text("image_name,drawn\n" + "".join(f"{n},{p}\n" for n, p in probability.items()))
    command = [
        "labels-saved",
        str(folder),
        "--selection",
        str(selection),
        "--to",
        str(to),
        "--cache",
        str(cache),
    ]
    ran = CliRunner().invoke(main, command, catch_exceptions=False)
    assert ran.exit_code == 0
    assert "cannot be told yet" in ran.output
    found = json.loads(to.read_text())
    split = dict(zip(snapshot.image_names, snapshot.splits, strict=True))
    in_train = [p for name, p in probability.items() if split[name] == "train"]
    audit = [name for name in snapshot.image_names[:110] if split[name] == "test"]
    val = [name for name, p in probability.items() if split[name] == "val" and p > 0]
    assert found["random"] == sum(p > 0 for p in in_train)
    assert found["chosen"] == sum(p == 0 for p in in_train)
    assert found["held_out"] == len(audit) + len(val)
    selection.write_text("image_name\n0000.png\n")
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 1
    assert "does not say how images were drawn" in refused.output
