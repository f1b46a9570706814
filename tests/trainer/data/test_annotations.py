"""Cells that a model filled are unlabelled for the trainer, and answers of several people become pairs."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.commands import run
from tests.support.drawn_snapshot import draw_faces
from trainer.data.annotations import count_answers_to, count_labels, count_pairs, read_truths
from trainer.data.snapshot import UNLABELLED, Snapshot
from trainer.runtime.errors import SnapshotError
from trainer.runtime.files import file_entry, sha256_text, write_manifest

HISTORY = "image_name,attribute,code,labeller,origin,milliseconds"
FILLED = "image_name,attribute,code,probability,certificate"


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return draw_faces(tmp_path / "snapshot", 12, labelled=10)


def add(snapshot: Path, name: str, lines: list[str]) -> Path:
    """Add a file to a snapshot, which stays whole."""
    (snapshot / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    manifest = json.loads((snapshot / "manifest.json").read_text(encoding="utf-8"))
    del manifest["manifest_hash"]
    files = manifest["files"] | {name: file_entry(snapshot / name)}
    text = "".join(f"{files[one]['sha256']}  {one}\n" for one in sorted(files) if one.endswith(".csv"))
    changes = {"files": files, "content_hash": sha256_text(text)}
    write_manifest(snapshot / "manifest.json", manifest | changes)
    return snapshot


def test_filled_cells_are_unlabelled(snapshot: Path):
    before = Snapshot.open(snapshot)
    codes = before.attributes[0].codes
    rows = [
        f"{before.image_names[n]},glasses,{codes[before.labels['glasses'][n]]},0.99,glasses:1"
        for n in (1, 4, 9)
    ]
    after = Snapshot.open(add(snapshot, "filled.csv", [FILLED, *rows]))
    filled = np.isin(np.arange(12), (1, 4, 9))
    assert (after.labels["glasses"][filled] == UNLABELLED).all()
    assert (after.labels["glasses"][~filled] == before.labels["glasses"][~filled]).all()
    assert (after.labels["hair"] == before.labels["hair"]).all()


@pytest.mark.parametrize(
    "row", ["0001.png,glasses,7,0.9,g:1", "none.png,glasses,0,0.9,g:1", "0001.png,nose,0,0.9,g:1"]
)
def test_a_filled_cell_that_is_not_in_labels_csv_is_refused(snapshot: Path, row: str):
    add(snapshot, "filled.csv", [FILLED, row])
    with pytest.raises(SnapshotError, match=r"filled\.csv"):
        Snapshot.open(snapshot)


ANSWERS = [
    "0000.png,glasses,0,ada,human,",  # two people
    "0000.png,glasses,1,bob,opinion,",
    "0001.png,glasses,0,ada,human,",  # three people count as one pair
    "0001.png,glasses,0,bob,opinion,",
    "0001.png,glasses,0,eve,opinion,",
    "0002.png,glasses,0,ada,human,",  # corrected by another person
    "0002.png,glasses,1,bob,human,",
    "0003.png,glasses,1,ada,human,",  # the same person again
    "0003.png,glasses,0,ada,opinion,",
    "0004.png,glasses,1,ada,suggestion,",  # undone, and answered anew
    "0004.png,glasses,,ada,undo,",
    "0004.png,glasses,0,ada,human,",
    "0004.png,glasses,-1,bob,opinion,",
    "0004.png,glasses,0,eve,opinion,",
    "0005.png,glasses,0,ada,human,",  # opened again
    "0005.png,glasses,,rae,cleared,",
    "0005.png,glasses,1,bob,human,",
    "0006.png,glasses,0,file,import,",  # files and reviewers are no second person
    "0006.png,glasses,1,rae,review,",
    "0006.png,glasses,1,ada,opinion,",
    "0007.png,identity,3,ada,human,",
]


def test_pairs_are_answers_of_two_people_to_one_cell(snapshot: Path):
    assert count_pairs(Snapshot.open(snapshot)) == {}, "without annotations.csv nothing is known"
    pairs = count_pairs(Snapshot.open(add(snapshot, "annotations.csv", [HISTORY, *ANSWERS])))
    assert pairs["glasses"].tolist() == [[2, 1], [0, 0]]
    assert not pairs["hair"].any()


def test_truths_are_compared_with_answers_and_with_labels(snapshot: Path, tmp_path: Path):
    opened = Snapshot.open(add(snapshot, "annotations.csv", [HISTORY, *ANSWERS]))
    file = tmp_path / "truths.csv"
    file.write_text("image_name,glasses,identity\n0000.png,0,4\n0001.png,1,\n0004.png,,\n")
    truths = read_truths(file, opened)
    assert count_answers_to(opened, truths)["glasses"].tolist() == [[1, 1], [3, 0]]
    labels = count_labels(opened, truths)["glasses"]
    assert labels.sum() == 2
    for text in (
        "image_name,glasses\nnone.png,0\n",
        "image_name,glasses\n0000.png,9\n",
        "image_name,nose\n0000.png,1\n",
        "x",
    ):
        file.write_text(text)
        with pytest.raises(SnapshotError, match="cannot be used"):
            read_truths(file, opened)


def test_the_command_says_what_a_perfect_model_could_score(tmp_path: Path):
    snapshot = draw_faces(tmp_path / "snapshot", 120, labelled=120)
    answers = [
        f"{n:04d}.png,glasses,{code},{who},{origin},"
        for n in range(120)
        for code, who, origin in ((n % 2, "ada", "human"), ((n + (n % 11 == 0)) % 2, "bob", "opinion"))
    ]
    add(snapshot, "annotations.csv", [HISTORY, *answers])
    done = run("trainer", "noise-ceiling", snapshot, "--json")
    done.assert_done()
    ceilings = json.loads(done.out)["ceilings"]
    assert (ceilings["glasses"]["source"], ceilings["glasses"]["answers"]) == ("pairs", 120)
    accuracy = ceilings["glasses"]["accuracy"]
    assert 0.9 < accuracy["low"] < accuracy["value"] < accuracy["high"] < 0.99, (
        "(1 + √(1 − 2 · 11 / 120)) / 2 = 0.952"
    )
    assert ceilings["hair"] is None
    table = run("trainer", "noise-ceiling", snapshot)
    assert "pairs of answers" in table.out
    assert "fewer than 50 answers to compare" in table.out
    checked = tmp_path / "checked.csv"
    labels = (snapshot / "labels.csv").read_text().splitlines()
    checked.write_text("\n".join(labels[:101]) + "\n")
    told = json.loads(run("trainer", "noise-ceiling", snapshot, "--checked", checked, "--json").out)[
        "ceilings"
    ]
    assert told["glasses"]["source"] == "checked"
    assert told["glasses"]["accuracy"]["low"] > 0.94
    checked.write_text("image_name\nno.png\n")
    run("trainer", "noise-ceiling", snapshot, "--gold", checked).assert_refused(1, "no image 'no.png'")
