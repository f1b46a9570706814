"""Rounds that have ended, with chosen predictions and files."""

import json
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import update

from annotator.models import Image, Round, now
from annotator.project import ProjectFolder
from annotator.services.insights.label_savings import read_labels_saved
from annotator.services.rounds.feature_choice import choose_features, network_folder
from annotator.services.rounds.loading import load_predictions
from annotator.services.rounds.networks import network_folder_of
from tests.support.predictions_folder import SURE, UNCERTAIN, write_cells, write_predictions
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.reviewing import save_correction
from trainer.networks.pinned import pin_network

LABEL_ISSUES_HEADER = "image_name,attribute,code,p_code,suggested,p_suggested"


def write_label_issues(
    project: ProjectFolder, names: list[str], number: int = 1, attribute: str = "glasses"
) -> Path:
    """Write a round's ranked label issues: the glasses of these images are probably 1 rather than 2."""
    file = project.rounds / f"{number:04d}" / "run" / "label_errors.csv"
    file.parent.mkdir(parents=True)
    lines = [f"{name},{attribute},2,0.0{place + 1},1,0.9" for place, name in enumerate(names)]
    file.write_text("\n".join([LABEL_ISSUES_HEADER, *lines]) + "\n")
    return file


ESTIMATE = {
    "worth": 1.42, "low": 1.11, "high": 1.83, "random": 264, "chosen": 2310, "held_out": 1214, "trained_on": 264,
    "saved": 254, "missing": None, "seed": 0,
}  # fmt: skip
"""What a round writes about the labels that its query strategy saved."""


def write_estimate(project: ProjectFolder, number: int = 1, **other: Any) -> str:
    """Write a round's estimate of the labels saved; returns the sentence that the insights page shows."""
    file = project.rounds / f"{number:04d}" / "run" / "labels_saved.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(ESTIMATE | other))
    savings = read_labels_saved(project)
    assert savings is not None
    assert savings.round == number
    return savings.text


def add_finished_round(project: ProjectFolder, uncertain: str | None) -> int:
    """Add a finished round; with `uncertain`, its predictions are active and uncertain about that image only."""
    with project.database.write() as session:
        row = Round(
            state="done", engine="probe", strategy="margin", stage="load", done=0, total=0, message="", attempts=1,
            created_at=now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        number = row.id
    if uncertain is not None:
        cells = dict.fromkeys(names_of(project), SURE) | {uncertain: UNCERTAIN}
        folder = project.rounds / f"{number:04d}" / "run" / "predictions"
        load_predictions(project, write_predictions(project, folder, cells), number)
    return number


def answer_audit_set(project: ProjectFolder, images: int) -> dict[str, int]:
    """Move images into the audit set and label them: every other one wears glasses. Returns the codes by name."""
    names = names_of(project)[:images]
    with project.database.write() as session:
        session.execute(update(Image).values(split="train"))
        session.execute(update(Image).where(Image.name.in_(names)).values(split="test"))
    truth = {name: number % 2 for number, name in enumerate(names)}
    for name, code in truth.items():
        save_correction(
            project, Person(project), image_of(project, name), ALL | {"glasses": code}, f"audit {name}"
        )
    return truth


TRIED = "test_resnet"
"""A network of timm with half a million parameters."""


def audit_answers(
    project: ProjectFolder, truth: dict[str, int], wrong: int
) -> dict[str, dict[str, list[float]]]:
    """Answers to the glasses of all images, with 90 % on the audit images, the first `wrong` of them incorrect."""
    cells = {name: {"glasses": [0.9, 0.06, 0.04]} for name in names_of(project)}
    for place, (name, code) in enumerate(truth.items()):
        predicted = 1 - code if place < wrong else code
        cells[name] = {"glasses": [0.9 if value == predicted else 0.05 for value in range(3)]}
    return cells


def add_round_with_errors(
    project: ProjectFolder,
    truth: dict[str, int],
    wrong: int,
    labels: int | None = None,
    **others: list[float],
) -> int:
    """Add a finished round that predicts the glasses of the audit images with 90 %, the first `wrong` of them incorrectly.

    `others`: the probabilities of other attributes, the same for all images.
    """
    with project.database.write() as session:
        row = Round(
            state="done", engine="probe", strategy="margin", stage="load", done=0, total=0, message="", attempts=1,
            created_at=now(), finished_at=now(), labelled=labels,
        )  # fmt: skip
        session.add(row)
        session.flush()
        number = row.id
    cells = audit_answers(project, truth, wrong)
    cells = {name: answers | others for name, answers in cells.items()}
    folder = project.rounds / f"{number:04d}"
    load_predictions(project, write_cells(project, folder / "run" / "predictions", cells), number)
    if labels is not None:
        counts = {"glasses": {"-1": 3, "0": labels - 10, "1": 10}}
        (folder / "snapshot").mkdir()
        (folder / "snapshot" / "manifest.json").write_text(json.dumps({"counts": {"attributes": counts}}))
    return number


def add_network_with_errors(project: ProjectFolder, truth: dict[str, int], wrong: int) -> int:
    """Add a finished round of the engine cnn, with a model; see `add_round_with_errors`."""
    number = add_round_with_errors(project, truth, wrong)
    with project.database.write() as session:
        session.execute(update(Round).where(Round.id == number).values(engine="cnn"))
    network_folder(project, number).mkdir(parents=True)
    (network_folder(project, number) / "model.json").write_text("{}")
    return number


def try_network_with_errors(project: ProjectFolder, truth: dict[str, int], wrong: int, number: int) -> str:
    """Add a network with random weights, and a trial on a round's snapshot; see `add_round_with_errors`. Returns its name."""
    folder = network_folder_of(project, TRIED)
    if not folder.exists():
        pin_network(folder, TRIED, random=True)
    run = project.round_folder(number) / "run"
    cells = audit_answers(project, truth, wrong)
    shutil.rmtree(run / "trials", ignore_errors=True)
    write_cells(project, run / "trials" / folder.name / "predictions", cells)
    (run / "trials" / "trials.json").write_text(json.dumps({folder.name: {"error": None}}))
    return TRIED


def choose_round_features(project: ProjectFolder) -> tuple[int | str | None, str]:
    """Add a round of the engine probe and choose its features; returns the round or the added network whose features it uses, and
    the reason.
    """
    number = add_finished_round(project, None)
    folder = choose_features(project, number)
    with project.database.read() as session:
        row = session.get_one(Round, number)
    used = [network_folder(project, row.features)] if row.features else []
    used += [network_folder_of(project, row.network)] if row.network else []
    assert used == ([folder] if folder else [])
    return row.network or row.features, row.features_reason
