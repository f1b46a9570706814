"""Wrong labels are found and ranked."""

import csv
from pathlib import Path

import numpy as np

from tests.support.drawn_snapshot import draw_faces
from tests.support.training_commands import call
from trainer.data.snapshot import Snapshot

IMAGES = 120


def test_wrong_labels_are_ranked_first(cache: Path, tmp_path: Path):
    numbers = np.random.default_rng(5).choice(IMAGES, IMAGES // 10, replace=False)
    folder = draw_faces(tmp_path / "snapshot", IMAGES, labelled=IMAGES, mislabelled=set(numbers.tolist()))
    wrong = {f"{number:04d}.png" for number in numbers}
    snapshot = Snapshot.open(folder)
    file = tmp_path / "run" / "label_errors.csv"
    ran = call("label-errors", folder, "--to", file, "--cache", cache)
    assert ran.exit_code == 0
    assert "probably wrong" in ran.output
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    seen = {n for n, split in zip(snapshot.image_names, snapshot.splits, strict=True) if split != "test"}
    glasses = [row for row in rows if row["attribute"] == "glasses"]
    found = [row["image_name"] for row in glasses[: len(wrong & seen)]]
    assert set(found) <= seen
    assert len(set(found) & wrong) >= 0.7 * len(wrong & seen)
    probabilities = [float(row["p_code"]) for row in rows]
    assert probabilities == sorted(probabilities)
    assert all(
        row["code"] != row["suggested"] and float(row["p_suggested"]) > float(row["p_code"]) for row in rows
    )
