"""The whole loop: labels, snapshot, training, predictions, and a queue ordered by the model's uncertainty."""

import base64
import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import PIL.Image
import psutil
import pytest
from sqlalchemy import select

from annotator.config import Settings
from annotator.errors import Conflict
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.insights.background import analyses_of, start_due_analysis
from annotator.services.insights.label_savings import read_labels_saved
from annotator.services.review.explainer import Explainer
from annotator.services.review.label_issues import read_label_issues
from annotator.services.review.reasons import SuggestionReasons, read_reasons
from annotator.services.rounds.comparison import report_page
from annotator.services.rounds.jobs import start_round
from annotator.worker import run_next_round
from tests.support.commands import call
from tests.support.forked import Command
from tests.support.paths import CHECKOUT
from tests.support.projects.labelling import Person, lapse_leases
from tests.support.serving import Client, Server
from tests.support.waiting import wait_until


def status_of(project: Path) -> Any:
    told = call("status", "--project", project, "--json")
    told.assert_done()
    return json.loads(told.out)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 drawn faces, 60 of them labelled, after one round."""
    base = tmp_path_factory.mktemp("loop")
    draw_faces(base / "faces", 120, size=128)
    lines = (base / "faces" / "answers.csv").read_text().splitlines()
    (base / "half.csv").write_text("\n".join(lines[:61]) + "\n")
    return make_round(base / "project", base / "faces", base / "half.csv")


@pytest.fixture(scope="module")
def celeba(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """150 CelebA faces, 110 of them labelled, after one round."""
    base = tmp_path_factory.mktemp("celeba")
    with (shared / "celeba" / "derived.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    rows = random.Random(0).sample(rows, 150)
    (base / "faces").mkdir()
    for name, *_ in rows:
        shutil.copy(shared / "celeba" / "images" / name, base / "faces")
    with (base / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows[:110]])
    schema = CHECKOUT / "docs" / "examples" / "celeba" / "attributes.toml"
    return make_round(base / "project", base / "faces", base / "labels.csv", "--schema", str(schema))


def make_round(project: Path, faces: Path, labels: Path, *init: str) -> Path:
    call("init", "-p", project, *init).assert_done()
    call("import", faces, labels, "-p", project).assert_done()
    command = Command(
        ["round", "--strategy", "margin", "-p", str(project), "--json"], project, dict(os.environ)
    )
    with command.stdout as told:
        assert json.loads(told.read())["state"] == "done"
    assert command.wait() == 0
    return project


def margins(project: ProjectFolder, names: list[str]) -> list[float]:
    """The mean margin of the two likeliest values over an image's attributes, straight from the file."""
    [folder] = (project.path / "rounds").glob("*/run/predictions")
    file = PredictionsFile(folder)
    found = []
    for name in names:
        row = file._rows.find(name)
        assert row is not None
        tops = [sorted(file._rows.cell(f"p:{a}", row), reverse=True) for a in file.codes]
        found.append(sum(top[0] - top[1] for top in tops) / len(tops))
    return found


def assert_uncertain_images_come_first(path: Path, count: int) -> None:
    project = ProjectFolder.open(path)
    head = [task.image_name for task in Person(project).next(count)]
    lapse_leases(project)
    with project.database.read() as session:
        pool = sorted(session.scalars(select(Image.name).where(Image.open_cells > 0)))
    drawn_names = random.Random(0).sample(pool, count)
    first, by_chance = margins(project, head), margins(project, drawn_names)
    assert sum(first) / count < sum(by_chance) / count
    project.database.close()


def test_the_queue_begins_with_uncertain_images(drawn: Path):
    assert_uncertain_images_come_first(drawn, 30)


def test_every_tenth_image_of_the_queue_is_an_audit_image_without_suggestions(drawn: Path):
    project = ProjectFolder.open(drawn)
    tasks = Person(project).next(30)
    lapse_leases(project)
    with project.database.read() as session:
        audit = set(session.scalars(select(Image.name).where(Image.split == "test")))
    assert [place for place, task in enumerate(tasks, 1) if task.image_name in audit] == [10, 20, 30]
    for task in tasks:
        assert any(cell.suggestion for cell in task.cells) == (task.image_name not in audit)
    project.database.close()


@pytest.mark.shared
def test_the_queue_begins_with_uncertain_images_on_real_faces(celeba: Path):
    assert_uncertain_images_come_first(celeba, 20)


def test_status_reports_counts_rounds_and_metrics(drawn: Path):
    status = status_of(drawn)
    assert status["images"] == 120
    [round_] = status["rounds"]
    assert (round_["state"], round_["engine"], round_["attempts"]) == ("done", "probe", 1)
    assert set(status["metrics"]) == {
        "wrinkles",
        "freckles",
        "glasses",
        "hair_color",
        "hair_top",
        "not_human",
    }
    assert status["metrics"]["glasses"]["test"]["images"] > 0
    assert status["attributes"]["glasses"]["labelled"] == 60
    assert status["predictions"]["unknown"] == 0


@pytest.mark.shared
def test_metrics_on_held_out_people_beat_guessing(celeba: Path):
    metrics = status_of(celeba)["metrics"]
    assert set(metrics) == {"glasses", "hair_color", "hair_top", "young", "male", "bags_under_eyes"}
    assert metrics["male"]["test"]["balanced_accuracy"] > 0.8
    assert metrics["male"]["test"]["groups"] > 5


def test_suggestions_reach_the_label_page_except_for_test_images(drawn: Path):
    project = ProjectFolder.open(drawn)
    with project.database.read() as session:
        splits = dict(session.execute(select(Image.name, Image.split)).all())
    tasks = Person(project).next(50)
    lapse_leases(project)
    project.database.close()
    assert {splits[task.image_name] for task in tasks} >= {"train", "test"}
    for task in tasks:
        suggested = {cell.attribute for cell in task.cells if cell.suggestion}
        expected = {"wrinkles", "freckles", "glasses", "hair_color", "hair_top", "not_human"}
        assert suggested == (set() if splits[task.image_name] == "test" else expected)


def test_a_suggestion_is_explained_by_a_heat_map_and_similar_labelled_faces(drawn: Path):
    project = ProjectFolder.open(drawn)
    answers = (drawn.parent / "faces" / "answers.csv").read_text().splitlines()[1:]
    colours = {name: int(colour) for name, _, _, _, colour, *_ in (line.split(",") for line in answers)}
    explainer = Explainer(project)
    with project.database.read() as session:
        train, blind = (
            session.scalars(select(Image).where(Image.open_cells > 0, Image.split == split)).first()
            for split in ("train", "test")
        )

        def ask() -> SuggestionReasons:
            def ready() -> SuggestionReasons | None:
                reasons = read_reasons(project, session, explainer, train.id, "hair_color", 1)
                return reasons if reasons.ready else None

            return wait_until(ready, "the suggestion is explained")

        reasons = ask()
        for picture in reasons.pictures.values():
            kind, _, data = picture.partition(",")
            assert kind == "data:image/webp;base64"
            assert PIL.Image.open(io.BytesIO(base64.b64decode(data))).size in {(192, 192), (320, 320)}
        assert reasons.pictures
        assert reasons.round == 1
        assert len(reasons.similar) == 3
        assert [face.similarity for face in reasons.similar] == sorted(
            (face.similarity for face in reasons.similar), reverse=True
        )
        assert {face.image.split for face in reasons.similar} == {"train"}
        assert all(face.code == colours[face.image.name] for face in reasons.similar)
        with pytest.raises(Conflict, match="labelled without suggestions"):
            read_reasons(project, session, explainer, blind.id, "hair_color", 1)
        [process] = [p for p in psutil.Process().children() if "explain-suggestions" in p.cmdline()]
        explainer.close()
        assert not process.is_running()
        (project.round_folder(1) / "run" / "model").rename(drawn / "model")
        gone = ask()
        (drawn / "model").rename(project.round_folder(1) / "run" / "model")
    assert (
        gone.pictures_missing == gone.similar_missing == "The model of round 1 is no longer in the project."
    )
    project.database.close()


def test_the_worker_runs_a_round_from_the_page_and_starts_the_next_automatically(drawn: Path, tmp_path: Path):
    copy = tmp_path / "project"
    shutil.copytree(drawn, copy)
    with Server(copy, FACELABEL_WORKER="1", FACELABEL_ROUND_EVERY="2") as server:
        client = server.client()
        label(client, 1)
        wanted = finished_round(client, client.post("/rounds", {}).json()["id"])
        label(client, 2)
        automatic = finished_round(client, wanted["id"] + 1)
        told = client.get("/rounds")
    for row in (wanted, automatic):
        assert row["error"] is None
        assert (row["state"], row["stage"]) == ("done", "load")
        assert row["metrics"]["glasses"]["test"]["images"] > 0
    assert (wanted["automatic"], automatic["automatic"]) == (False, True)
    assert (wanted["labelled"], automatic["labelled"]) == (61, 63)
    assert (told["every"], told["labelled_since"]) == (2, 0)


def label(client: Client, count: int) -> None:
    for task in client.next(count)["tasks"]:
        values = {"wrinkles": 1, "freckles": 0, "glasses": 0, "hair_color": 0, "hair_top": 2, "not_human": 0}
        client.answer(task, values)


def finished_round(client: Client, number: int) -> dict[str, Any]:
    """Wait for the end of a round, which need not be queued yet."""

    def ended() -> dict[str, Any] | None:
        known = {row["id"]: row for row in client.get("/rounds")["rounds"]}
        row = known.get(number)
        return row if row and row["state"] not in {"queued", "running"} else None

    return wait_until(ended, f"the end of round {number}")


def test_label_issues_and_saved_labels_are_estimated_in_the_background(
    drawn: Path, tmp_path: Path, request: pytest.FixtureRequest
):
    copy = tmp_path / "project"
    shutil.copytree(drawn, copy)
    project = ProjectFolder.open(copy)
    analyses = analyses_of(project)
    request.addfinalizer(lambda: [analysis.close() for analysis in analyses])
    start_due_analysis(analyses)
    network_reports, label_issues, savings, trials, report = analyses
    assert [analysis for analysis in analyses if analysis.running] == [label_issues], "one at a time"
    [search] = [child for child in psutil.Process().children() if "label-errors" in child.cmdline()]
    seen = []
    with project.database.write() as session:
        number = start_round(session, "probe", "margin").id
    snapshots = RoundSnapshots(project)
    assert run_next_round(
        project, Settings(), snapshots, lambda *_: seen.append(search.status()), analyses=analyses
    )
    stopped = seen.index(psutil.STATUS_STOPPED)  # a signal takes a moment
    assert set(seen[stopped:]) == {psutil.STATUS_STOPPED}, "somebody waits for the round"
    assert search.status() != psutil.STATUS_STOPPED
    wait_until(lambda: not label_issues.running, "the end of the search")
    start_due_analysis(analyses)
    wait_until(lambda: not savings.running, "the end of the estimate")
    start_due_analysis(analyses)
    assert not trials.running, "no network was added that could be tried"
    assert not network_reports.running, "no network was fine-tuned"
    wait_until(lambda: not report.running, "the end of the report")
    with project.database.read() as session:
        page = report_page(project, session, number)
    assert page is not None
    assert "<h2>Hard cases</h2>" in page.read_text()
    assert read_label_issues(project) is not None
    saved = read_labels_saved(project)
    assert saved is not None
    assert saved.text.startswith("It is not yet known")
    assert (saved.random, saved.chosen) == (0, 0), "nobody drew what was imported"
    assert saved.held_out > 0
    later = analyses_of(project)
    start_due_analysis(later)
    assert not any(analysis.running for analysis in later), "nothing was labelled since"
    project.database.close()


def test_without_pytorch_a_round_says_how_to_install_it(filled: ProjectFolder):
    [task] = Person(filled).next()
    Person(filled).answer(task, {"glasses": 1})
    without = "import sys; sys.modules['torch'] = None; from annotator.cli import main; main()"
    command = [sys.executable, "-c", without, "round", "-p", str(filled.path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "pip install 'facelabel[train]'" in ran.stderr
    assert "Traceback" not in ran.stderr
