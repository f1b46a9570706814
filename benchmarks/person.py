"""A person's morning, by script: 300 faces labelled in Chromium on the real server while rounds start by themselves.

The script sees what the page shows and knows the true answers. It does what a practised labeller does: a digit where
nothing is suggested, a correction where the suggestion is wrong (its letter, and a digit if the next value is not the
right one either), Enter when everything on the screen is right. It looks at each image for a while (log-normal, median
LOOK seconds) and takes KEY seconds per press. A wrong suggestion is always seen, so no accepted one is wrong.

The pool is POOL images, drawn from those of which all six answers are known; features are computed by the first round, while
the labelling goes on. Images of the test split are labelled without suggestions and counted apart.
"""

import csv
import io
import random
import shutil
import tempfile
import time
import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median
from typing import Any

import requests
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select

from annotator.domain.schema import Schema
from annotator.imaging.image_files import Limits
from annotator.models import Image, Predictions, Round
from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from annotator.services.rounds.jobs import labelled_since_last_round
from annotator.services.schema.active import active_schema
from benchmarks.support.data import CELEBA_SCHEMA, faces
from benchmarks.support.report import Figures, Size
from tests.support.browser.chromium import chromium_options
from tests.support.projects.images import import_images
from tests.support.serving import Server
from tests.support.waiting import wait_until

LOOK, SPREAD, KEY = 1.2, 0.4, 0.25
"""Seconds to look at an image (median, and sigma of the logarithm), and for a press."""
POOL = {"small": 70, "normal": 1000, "full": 3000}
LABELLED = {"small": 40, "normal": 300, "full": 600}
BLOCK = 25

READ = """() => ({
  id: document.documentElement.dataset.imageId,
  name: document.querySelector('#image-name').textContent,
  cells: [...document.querySelectorAll('[data-attribute]:not([data-status=filled])')].map((row) => ({
    attribute: row.dataset.attribute,
    key: row.querySelector('.name kbd').textContent,
    current: row.hasAttribute('aria-current'),
    suggested: Boolean(row.querySelector('.value.suggested')),
    shown: (row.querySelector('.value[aria-pressed=true]') ?? row.querySelector('.value.suggested'))?.dataset.code ?? null,
  })),
})"""
"""What can be seen of the page: the image, and the answer or suggestion of every attribute that is not filled."""

Truth = dict[str, dict[str, str]]
"""By image name, the code of every attribute as it is typed."""


@dataclass
class Seen:
    """What labelling one image took."""

    name: str
    began: datetime
    done: datetime
    presses: int
    cells: int
    suggested: int
    wrong: int


def measure(size: Size) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        project, truth = make_project(Path(folder), POOL[size], drawn=size == "small")
        with Server(project.path, FACELABEL_WORKER="1", FACELABEL_ROUND_EVERY=str(BLOCK)) as server:
            seen = work(server.url, truth, LABELLED[size], hurry=size == "small")
            wait_until(lambda: _is_calm(project), "no round is due or unfinished", 600)
            curves = requests.get(f"{server.url}/insights/curves.csv", timeout=60).text
        blind, rounds = read_project(project)
        project.database.close()
    return {
        "start": [{"images until the first suggestion": until_suggested(seen)}],
        f"{len(seen)} of {len(truth)} faces, per {BLOCK} images": blocks(seen, blind, rounds),
        "rounds that started by themselves": rounds_table(seen, rounds),
        "learning curve: balanced accuracy on the audit labels": curve_table(curves),
    }


def make_project(
    folder: Path, images: int, *, drawn: bool, asked: Sequence[str] | None = None
) -> tuple[ProjectFolder, Truth]:
    """A project of faces without any label, and what is true of them.

    Args:
        folder: where it is made.
        images: how many faces it has.
        drawn: take drawn faces in any case.
        asked: the attributes of its schema, if the faces are real; None: all.
    """
    source, labels = faces(folder, images + 30 if drawn else None)
    real = source.parent != folder
    with labels.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if all(row.values()) and row.get("not_human") != "1"]
    some = random.Random(0).sample(rows, min(images, len(rows)))
    (folder / "some").mkdir()
    for row in some:
        shutil.copyfile(source / row["image_name"], folder / "some" / row["image_name"])
    (folder / "attributes.toml").write_text(schema_of(asked), encoding="utf-8")
    schema = folder / "attributes.toml" if real else None
    project = init_project(folder / "project", schema, share_test=0.1 if drawn else None)
    import_images(project, [folder / "some"], Limits(64_000_000, 2**27))
    with project.database.read() as session:
        active = active_schema(session).schema
    return project, {row.pop("image_name"): _digits(row, active) for row in some}


def schema_of(asked: Sequence[str] | None) -> str:
    """The text of CelebA's schema, with some of its attributes only."""
    head, *attributes = CELEBA_SCHEMA.read_text(encoding="utf-8").split("[[attribute]]")
    chosen = [text for text in attributes if asked is None or tomllib.loads(text)["name"] in asked]
    return "[[attribute]]".join([head, *chosen])


def _digits(row: dict[str, str], schema: Schema) -> dict[str, str]:
    """Answers, given by the names of values or by their codes, as the digits that stand for them; whom an image shows is not asked."""
    digits = {a.name: {v.name: str(v.code) for v in a.values} for a in schema.attributes if a.kind != "open"}
    return {name: digits[name].get(value, value) for name, value in row.items() if name in digits}


def work(url: str, truth: Truth, images: int, *, hurry: bool) -> list[Seen]:
    """Label so many images in Chromium; `hurry`: without looking at them."""
    chance = random.Random(1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium_options())
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(url)
        seen = []
        for _ in range(images):
            pace = (0.0, 0.0) if hurry else (chance.lognormvariate(0, SPREAD) * LOOK, KEY)
            seen.append(label(page, truth, *pace))
        page.wait_for_selector('html[data-unsent="0"]', state="attached")
        browser.close()
    return seen


def label(page: Page, truth: Truth, look: float, key: float) -> Seen:
    """Answer the image on the screen as it truly is."""
    page.wait_for_selector("html[data-state=ready]", state="attached")
    began = datetime.now(UTC)
    state = page.evaluate(READ)
    name, image, right = state["name"], state["id"], truth[state["name"]]
    shown = [cell for cell in state["cells"] if cell["suggested"]]
    wrong = sum(cell["shown"] != right[cell["attribute"]] for cell in shown)
    time.sleep(look)
    presses = 0
    while state["id"] == image:
        time.sleep(key)
        page.keyboard.press(next_key(state["cells"], right))
        presses += 1
        assert presses < 4 * len(right), f"{name} does not end: {state}"
        state = page.evaluate(READ)
    return Seen(name, began, datetime.now(UTC), presses, len(right), len(shown), wrong)


def next_key(cells: Sequence[dict[str, Any]], right: dict[str, str]) -> str:
    """What a practised labeller presses: the marked attribute's digit, the letter of a wrong one, or Enter."""
    asked = [cell for cell in cells if cell["attribute"] in right]
    wrong = [cell for cell in asked if cell["shown"] != right[cell["attribute"]]]
    for cell in wrong:
        if cell["current"]:
            return right[cell["attribute"]]
    return wrong[0]["key"].lower() if wrong else "Enter"


def until_suggested(seen: Sequence[Seen]) -> int | None:
    """How many images were answered before the first one that showed a suggestion; None if none did."""
    return next((number for number, entry in enumerate(seen) if entry.suggested), None)


def _is_calm(project: ProjectFolder) -> bool:
    with project.database.read() as session:
        states = session.scalars(select(Round.state)).all()
        due = labelled_since_last_round(session) >= BLOCK
    assert "failed" not in states
    return bool(states) and not due and all(state == "done" for state in states)


@dataclass(frozen=True)
class Loaded:
    """A round: when it was due, when its predictions were in use, and how many images they learned from."""

    number: int
    due: datetime
    loaded: datetime
    labelled: int


def read_project(project: ProjectFolder) -> tuple[set[str], list[Loaded]]:
    """The names of the images without suggestions, and the rounds in their order."""
    with project.database.read() as session:
        blind = set(session.scalars(select(Image.name).where(Image.split == "test")))
        found = session.execute(
            select(Round.id, Round.created_at, Predictions.loaded_at, Round.labelled)
            .join(Predictions, Predictions.round_id == Round.id)
            .order_by(Predictions.loaded_at)
        )
        rounds = [Loaded(number, _utc(due), _utc(loaded), count or 0) for number, due, loaded, count in found]
    return blind, rounds


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def blocks(seen: list[Seen], blind: set[str], rounds: list[Loaded]) -> list[dict[str, Any]]:
    """A row for every block of images, and one for all."""
    waits = [behind(seen, number, rounds) for number in range(len(seen))]
    rows = [
        {"images": f"{at + 1}–{min(at + BLOCK, len(seen))}"}
        | block(seen[at : at + BLOCK], blind, waits[at : at + BLOCK])
        for at in range(0, len(seen), BLOCK)
    ]
    return [*rows, {"images": "all"} | block(seen, blind, waits)]


def block(seen: list[Seen], blind: set[str], waits: list[int]) -> dict[str, Any]:
    open_ones = [entry for entry in seen if entry.name not in blind]
    offered = sum(entry.suggested for entry in open_ones)
    taken = offered - sum(entry.wrong for entry in open_ones)
    return {
        "presses per image": round(fmean(entry.presses for entry in seen), 2),
        "of the audit set": len(seen) - len(open_ones),
        "presses, audit set left out": round(fmean(entry.presses for entry in open_ones), 2) if open_ones else None,
        "cells with a suggestion": round(offered / max(1, sum(entry.cells for entry in open_ones)), 3),
        "suggestions accepted": round(taken / offered, 3) if offered else None,
        "labels behind, median": int(median(waits)),
        "seconds per image": round(fmean((entry.done - entry.began).total_seconds() for entry in seen), 2),
    }  # fmt: skip


def behind(seen: list[Seen], number: int, rounds: list[Loaded]) -> int:
    """How many images had been answered that the predictions in use had not learned from."""
    place = bisect_right([entry.loaded for entry in rounds], seen[number].began)
    return number - (rounds[place - 1].labelled if place else 0)


def rounds_table(seen: list[Seen], rounds: list[Loaded]) -> list[dict[str, Any]]:
    """Every round: how many images it learned from, how long it took, how many were answered meanwhile."""
    return [
        {
            "round": entry.number,
            "labelled": entry.labelled,
            "seconds from due to in use": round((entry.loaded - entry.due).total_seconds(), 2),
            "answered meanwhile": sum(entry.due <= one.done <= entry.loaded for one in seen),
        }
        for entry in rounds
    ]


def curve_table(text: str) -> list[dict[str, Any]]:
    """A row per round, a column per attribute: the figure with its 95 % interval."""
    rows: dict[str, dict[str, Any]] = {}
    for line in csv.DictReader(io.StringIO(text)):
        row = rows.setdefault(
            line["round"], {"labelled": int(line["labels"]), "audit images": int(line["audit_images"])}
        )
        row[line["attribute"]] = " ".join(
            [_short(line["balanced_accuracy"]), f"({_short(line['low'])}–{_short(line['high'])})"]
        )
    names = dict.fromkeys(name for row in rows.values() for name in row)
    return [{name: row.get(name) for name in names} for row in rows.values()]


def _short(number: str) -> str:
    return f"{float(number):.2f}" if number else "?"
