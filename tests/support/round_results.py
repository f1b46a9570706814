"""Rounds that have ended, with chosen predictions and files."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import update

from annotator.models import Image, Round, now
from annotator.project import ProjectFolder
from annotator.services.insights.label_savings import read_labels_saved
from annotator.services.predictions.active import load_predictions
from annotator.services.rounds.feature_choice import choose_features, network_folder
from tests.support.labelling import ALL, Person
from tests.support.predictions_folder import SURE, UNCERTAIN, write_cells, write_predictions
from tests.support.project_images import image_of, names_of
from tests.support.reviewing import correction

HEADER = "image_name,attribute,code,p_code,suggested,p_suggested"


def ranked(project: ProjectFolder, names: list[str], number: int = 1, attribute: str = "glasses") -> Path:
    """A list of label errors of a round: these images' glasses are 1 rather than 2."""
    file = project.rounds / f"{number:04d}" / "run" / "label_errors.csv"
    file.parent.mkdir(parents=True)
    lines = [f"{name},{attribute},2,0.0{place + 1},1,0.9" for place, name in enumerate(names)]
    file.write_text("\n".join([HEADER, *lines]) + "\n")
    return file


TOLD = {
    "worth": 1.42, "low": 1.11, "high": 1.83, "random": 264, "chosen": 2310, "held_out": 1214, "trained_on": 264,
    "saved": 254, "missing": None, "seed": 0,
}  # fmt: skip


def estimated(project: ProjectFolder, number: int = 1, **other: Any) -> str:
    """The sentence of an estimate with these figures."""
    file = project.rounds / f"{number:04d}" / "run" / "labels_saved.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(TOLD | other))
    found = read_labels_saved(project)
    assert found is not None
    assert found.round == number
    return found.text


def finished_round(project: ProjectFolder, doubted: str | None) -> int:
    """A round that doubts one image."""
    with project.database.write() as session:
        row = Round(
            state="done", engine="probe", strategy="margin", stage="load", done=0, total=0, message="", attempts=1,
            created_at=now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        number = row.id
    if doubted is not None:
        cells = dict.fromkeys(names_of(project), SURE) | {doubted: UNCERTAIN}
        folder = project.rounds / f"{number:04d}" / "run" / "predictions"
        load_predictions(project, write_predictions(project, folder, cells), number)
    return number


def audited(project: ProjectFolder, images: int) -> dict[str, int]:
    """Put images into the audit set and answer them: every other one wears glasses."""
    names = names_of(project)[:images]
    with project.database.write() as session:
        session.execute(update(Image).values(split="train"))
        session.execute(update(Image).where(Image.name.in_(names)).values(split="test"))
    truth = {name: number % 2 for number, name in enumerate(names)}
    for name, code in truth.items():
        correction(
            project, Person(project), image_of(project, name), ALL | {"glasses": code}, f"audit {name}"
        )
    return truth


def round_that_errs(
    project: ProjectFolder, truth: dict[str, int], wrong: int, labels: int | None = None
) -> int:
    """A finished round that answers the audit images, the first `wrong` of them wrongly, each with 90 %."""
    with project.database.write() as session:
        row = Round(
            state="done", engine="probe", strategy="margin", stage="load", done=0, total=0, message="", attempts=1,
            created_at=now(), finished_at=now(), labelled=labels,
        )  # fmt: skip
        session.add(row)
        session.flush()
        number = row.id
    cells = {name: {"glasses": [0.9, 0.06, 0.04]} for name in names_of(project)}
    for place, (name, code) in enumerate(truth.items()):
        said = 1 - code if place < wrong else code
        cells[name] = {"glasses": [0.9 if value == said else 0.05 for value in range(3)]}
    folder = project.rounds / f"{number:04d}"
    load_predictions(project, write_cells(project, folder / "run" / "predictions", cells), number)
    if labels is not None:
        counts = {"glasses": {"-1": 3, "0": labels - 10, "1": 10}}
        (folder / "snapshot").mkdir()
        (folder / "snapshot" / "manifest.json").write_text(json.dumps({"counts": {"attributes": counts}}))
    return number


def network_that_errs(project: ProjectFolder, truth: dict[str, int], wrong: int) -> int:
    """A finished round of the engine cnn, with a model."""
    number = round_that_errs(project, truth, wrong)
    with project.database.write() as session:
        session.execute(update(Round).where(Round.id == number).values(engine="cnn"))
    network_folder(project, number).mkdir(parents=True)
    (network_folder(project, number) / "model.json").write_text("{}")
    return number


def decided(project: ProjectFolder) -> tuple[int | None, str]:
    """What a new round of the engine probe works on, and why."""
    number = finished_round(project, None)
    chosen = choose_features(project, number)
    with project.database.read() as session:
        row = session.get_one(Round, number)
        assert row.features == chosen
        return row.features, row.features_reason
