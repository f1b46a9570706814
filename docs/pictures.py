"""Make the pictures of docs/tour.md: `.venv/bin/python docs/pictures.py`.

Draws sample faces, takes in the known answers of more and more of them, runs three rounds, lets three labellers, each with an error rate,
answer, and photographs every page. It shows no photo of a real person.
"""

import csv
import json
import random
import subprocess
import sys
import tempfile
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select, update

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from annotator.domain.states import SubmissionKind  # noqa: E402
from annotator.models import Face, Submission  # noqa: E402
from annotator.project import ProjectFolder  # noqa: E402
from annotator.sample_faces import draw_faces  # noqa: E402
from tests.support.browser.chromium import chromium_options  # noqa: E402
from tests.support.face_descriptors import describe  # noqa: E402
from tests.support.serving import Client, Server  # noqa: E402

TO = ROOT / "docs" / "pictures"
FACES, GOLD = 320, 12
KNOWN = (40, 100, 200)
"""Images whose answers are known before each round."""
PASSWORD = "a long password"
ERRORS = {"Bob": 0.02, "Cem": 0.05, "Dana": 0.12}
"""The share of cells that each labeller answers wrong."""
MILLISECONDS = 4200
"""What an image takes them."""
READY = "html[data-state=ready]"

Answers = dict[str, dict[str, int]]
"""By image name, the true code of every attribute."""


def facelabel(*arguments: object, say: str | None = None) -> str:
    """Run a command of ours; returns what it printed."""
    command = [sys.executable, "-m", "annotator", *map(str, arguments)]
    return subprocess.run(command, check=True, input=say, stdout=subprocess.PIPE, text=True).stdout


def make_project(folder: Path) -> tuple[Path, Answers]:
    """A project with known labels, gold, near-duplicates, faces, three rounds and accounts; and the true answers."""
    project, drawn = folder / "faces", folder / "drawn"
    rows = list(csv.reader(draw_faces(drawn, FACES).read_text().splitlines()))
    (drawn / "answers.csv").unlink()
    for number in range(1, 9):  # the same picture once more, smaller
        with Image.open(drawn / f"{number:04}.jpg") as opened:
            opened.resize((224, 224)).save(drawn / f"copy-{number:04}.jpg", quality=80)
    facelabel("init", "-p", project)
    facelabel("import", drawn, "-p", project)
    describe_faces(project, {row[0]: row[-1] for row in rows[1:] if row[-1]})
    for known in KNOWN:
        facelabel("import", answers(folder / "known.csv", rows[: known + 1]), "-p", project)
        facelabel("round", "-p", project)
    gold = answers(folder / "gold.csv", rows[:1] + rows[-GOLD:])
    facelabel("gold", "add", gold, "-p", project)
    facelabel("users", "add", "Ada", "--role", "admin", "--password-stdin", "-p", project, say=PASSWORD)
    for name in ERRORS:
        facelabel("users", "add", name, "--password-stdin", "-p", project, say=PASSWORD)
    return project, {
        name: dict(zip(rows[0][1:-1], map(int, codes), strict=True)) for name, *codes, _ in rows[1:]
    }


def answers(file: Path, rows: list[list[str]]) -> Path:
    """Write some lines of the true answers."""
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows(rows)
    return file


def describe_faces(project: Path, people: dict[str, str]) -> None:
    """Give the drawn faces descriptors as if they were of real people: the search for faces would take minutes."""
    opened = ProjectFolder.open(project)
    numbers = {name: number for number, name in enumerate(sorted(set(people.values())))}
    describe(opened, {image: numbers[name] for image, name in people.items()})
    with opened.database.write() as session:
        session.execute(update(Face).values(left=64, top=56, right=192, bottom=200))
    opened.database.close()


def client_of(project: Path, url: str, name: str) -> Client:
    """A program that answers in the name of somebody."""
    client = Client(url)
    token = facelabel("users", "token", name, "--for", "pictures", "-p", project).split()
    client.session.headers["Authorization"] = f"Bearer {next(w for w in token if w.startswith('fl_'))}"
    return client


def work(project: Path, admin: Client, labellers: dict[str, Client], truth: Answers) -> None:
    """Three labellers answer, with two snapshots around it; the last one flags an image."""
    settings = {
        "overlap_share": 0.5,
        "overlap_opinions": 3,
        "gold_share": 0.1,
        "relabel_share": 0.05,
        "aggregation": "majority",
    }
    admin.post("/team/settings", settings).raise_for_status()
    admin.post("/snapshots", {}, "first").raise_for_status()
    chance = random.Random(5)
    for _ in range(12):
        for name, client in labellers.items():
            [task] = client.next()["tasks"]
            values = dict(truth[task["image_name"].removeprefix("copy-")])
            for attribute, code in truth[task["image_name"].removeprefix("copy-")].items():
                if attribute != "not_human" and chance.random() < ERRORS[name]:
                    values[attribute] = 1 - min(code, 1)
            if values["not_human"]:
                values = {"not_human": 1}
            client.post("/annotations", answer_of(task, values), f"{name} {task['lease']}").raise_for_status()
    space_answers(project)
    note = {"image_id": 7, "note": "Are these freckles, or is it the picture?"}
    client.post("/flags", note, "flag").raise_for_status()
    admin.post("/snapshots", {}, "second").raise_for_status()


def answer_of(task: dict[str, Any], values: dict[str, int]) -> dict[str, Any]:
    """What the label page sends when somebody answers so: which suggestions were taken, and how long it took."""
    suggested = {c["attribute"]: c["suggestion"]["code"] for c in task["cells"] if c["suggestion"]}
    taken = {name: suggested[name] == code for name, code in values.items() if name in suggested}
    return {
        "image_id": task["image_id"],
        "lease": task["lease"],
        "values": values,
        "accepted": [name for name, is_taken in taken.items() if is_taken],
        "corrected": [name for name, is_taken in taken.items() if not is_taken],
        "milliseconds": MILLISECONDS,
    }


def space_answers(path: Path) -> None:
    """Move the answers apart, as if people had given them."""
    project = ProjectFolder.open(path)
    with project.database.write() as session:
        answers = session.scalars(select(Submission).where(Submission.kind == SubmissionKind.ANSWER)).all()
        for place, answer in enumerate(reversed(answers)):
            answer.created_at -= timedelta(milliseconds=place // len(ERRORS) * MILLISECONDS)
    project.database.close()


def keep(page: Page, name: str, ready: str = READY) -> None:
    """Photograph a page, in few colours so that the file is small."""
    page.wait_for_selector(ready, state="attached")
    page.wait_for_load_state("networkidle")
    picture = TO / f"{name}.png"
    page.screenshot(path=picture)
    with Image.open(picture) as opened:
        opened.convert("RGB").quantize(200, dither=Image.Dither.NONE).save(picture, optimize=True)


def pack(folder: Path) -> Path:
    """An archive with more faces, labels in the words of somebody else, and a file that is no image."""
    draw_faces(folder / "more", 24, seed=9)
    known = csv.DictReader((folder / "more" / "answers.csv").read_text().splitlines())
    rows = [
        {"file_name": row["image_name"], "eyewear": ("none", "clear", "dark")[int(row["glasses"])]}
        for row in known
    ]
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        for row in rows:
            archive.write(folder / "more" / row["file_name"], row["file_name"])
        archive.writestr("metadata.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        archive.writestr("cut-off.jpg", b"no image")
    return folder / "more.zip"


def photograph(page: Page, url: str, archive: Path) -> None:
    """Every page, as an admin sees it who has just logged in."""
    page.goto(url)
    keep(page, "login", "input[type=password]")
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(READY, state="attached")
    label(page)
    for name in ("sweep", "people", "browse", "groups", "team", "rounds", "insights", "schema"):
        page.goto(f"{url}/{name}")
        keep(page, name)
    page.goto(f"{url}/people/all")
    page.wait_for_selector(READY, state="attached")
    keep(page, "people-all")
    page.goto(f"{url}/browse/7")
    keep(page, "image", "#cells section")
    page.goto(f"{url}/review?kind=flags")
    keep(page, "review")
    page.goto(f"{url}/snapshots")
    page.wait_for_selector(READY, state="attached")
    page.get_by_role("button", name="Compare").click()
    keep(page, "snapshots", "#diff table")
    page.goto(f"{url}/import")
    page.wait_for_selector(READY, state="attached")
    page.locator("#files").set_input_files(archive)
    page.get_by_text("checked", exact=True).first.wait_for(timeout=60_000)
    page.locator("#confirm").wait_for()
    keep(page, "import")


def label(page: Page) -> None:
    """Answer an image, then skip images until one comes with suggestions, and photograph that."""
    while page.locator("#previous-image.filled").count() == 0:
        page.keyboard.press("0")
        page.wait_for_load_state("networkidle")
    for _ in range(20):
        page.wait_for_selector(READY, state="attached")
        if page.locator("[data-status=suggested]").count() > 3:
            break
        shown = page.locator("html").get_attribute("data-image-id")
        page.keyboard.press("Space")
        page.wait_for_selector(f'html:not([data-image-id="{shown}"])', state="attached")
    keep(page, "label")


def main() -> None:
    """Make them all."""
    TO.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        project, truth = make_project(Path(folder))
        with Server(project, FACELABEL_WORKER="1") as server, sync_playwright() as playwright:
            work(
                project,
                client_of(project, server.url, "Ada"),
                {name: client_of(project, server.url, name) for name in ERRORS},
                truth,
            )
            browser = playwright.chromium.launch(**chromium_options())
            photograph(
                browser.new_page(viewport={"width": 1366, "height": 768}), server.url, pack(Path(folder))
            )
            browser.close()


if __name__ == "__main__":
    main()
