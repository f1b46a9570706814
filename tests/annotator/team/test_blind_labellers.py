"""What a labeller can find out about images that they may still be asked about: nothing that tells gold, overlap or audit."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from annotator.app import create_app
from annotator.config import Settings
from annotator.domain.roles import Role
from annotator.project import ProjectFolder
from annotator.services.access.tokens import add_token
from annotator.services.accounts import add_account
from annotator.services.rounds.loading import load_predictions
from annotator.services.tasks import leases
from annotator.web.http.access import ACCESS
from tests.support.predictions_folder import SURE, write_predictions
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person, lapse_leases
from tests.support.projects.reviewing import save_correction
from tests.support.projects.team import make_gold_images, set_team_settings
from tests.support.serving import Client, Server

FILTERS = {
    "attribute=glasses&value=1",
    "attribute=glasses&value=0",
    "attribute=glasses&value=none",
    "attribute=glasses&value=unsure",
    "attribute=glasses&value=labelled",
    "also=glasses:1,wrinkles:0",
    "attribute=glasses&labeller=Ada",
    "labeller=Ada",
    *(f"origin={origin}" for origin in ("human", "suggestion", "review", "import", "aggregate")),
    *(f"split={split}" for split in ("train", "val", "test")),
    "group=g1",
    *(f"flag={state}" for state in ("open", "resolved", "any")),
    *(f"skipped={state}" for state in ("open", "any")),
    "filled=only",
    "filled=without",
    "attribute=glasses&value=1&filled=only",
    "disagreement=opinions",
    "disagreement=model",
    "attribute=glasses&predicted=0",
    "attribute=glasses&sure_from=0",
    "round=1",
    "attribute=glasses&predicted=0&round=1",
    "attribute=glasses&value=1&round=1",
    "attribute=glasses&sure_below=1",
    "order=uncertainty",
    "order=date",
}


@dataclass
class Team:
    """A served project. Images 1 to 10 are gold; of ten others, none of them audit images, Ada gave ordinary answers."""

    project: ProjectFolder
    ada: Client
    bob: Client

    def named(self, text: str) -> set[int]:
        """The images whose names stand in a text."""
        return {number for number, name in enumerate(names_of(self.project), 1) if name in text}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, _filled: Path) -> Iterator[Team]:
    """A project with predictions, gold, overlap and audit images; Ada is an admin and Bob a labeller who answered nothing yet."""
    path = tmp_path_factory.mktemp("blind") / "project"
    shutil.copytree(_filled, path)
    project = ProjectFolder.open(path)
    set_team_settings(project, overlap_share=0.3, gold_share=0.3)
    answers = dict.fromkeys(names_of(project), SURE)
    load_predictions(project, write_predictions(project, project.rounds / "1", answers))
    make_gold_images(project, *range(1, 11))
    tokens = {}
    with project.database.write() as session:
        for name, role in (("Ada", Role.ADMIN), ("Bob", Role.LABELLER)):
            add_account(session, name, role, PASSWORD)
            tokens[name] = add_token(session, name, "a test")
    ordinary = [image for image in range(11, 41) if image not in audit_images(project)]
    for image in ordinary[:10]:
        save_correction(project, Person(project, "Ada"), image, ALL | {"glasses": 1}, f"a{image}")
    with Server(path) as server:
        clients = {name: server.client() for name in tokens}
        for name, client in clients.items():
            client.session.headers["Authorization"] = f"Bearer {tokens[name]}"
        yield Team(project, clients["Ada"], clients["Bob"])


def audit_images(project: ProjectFolder) -> set[int]:
    """The ids of the images of the test split."""
    return {image_of(project, name) for name in names_of(project, split="test")}


def without_its_name(image: dict) -> str:
    """What is said of an image, without what is its own: names, addresses, size."""
    own = ("id", "name", "image_url", "head_url", "thumbnail_url", "width", "height", "original_path")
    return json.dumps({key: value for key, value in image.items() if key not in own}, sort_keys=True)


def test_all_images_that_a_labeller_has_not_answered_look_the_same(team: Team):
    pages = {without_its_name(team.bob.get(f"/images/{number}")) for number in range(1, 41)}
    assert len(pages) == 1
    [page] = pages
    assert "Ada" not in page
    assert {without_its_name(card) for card in team.bob.get("/images?limit=60")["images"]} == {
        without_its_name(team.bob.get("/images?limit=1")["images"][0])
    }
    seen_by_ada = {without_its_name(team.ada.get(f"/images/{number}")) for number in range(1, 41)}
    assert len(seen_by_ada) > 3  # so there was something to hide


@pytest.mark.parametrize("query", sorted(FILTERS))
def test_a_filter_shows_a_labeller_all_unanswered_images_or_none(team: Team, query: str):
    for path in ("/images", "/images/ids", "/images/counts"):
        limit = "&limit=60" if path == "/images" else ""
        answer = team.bob.session.get(f"{team.bob.url}/api/v1{path}?{query}{limit}", timeout=60)
        if answer.status_code == 403:
            assert answer.json()["error"]["code"] == "only_own_answers"
            continue
        found = answer.json()["images"]
        assert found in (0, 40) if isinstance(found, int) else len(found) in (0, 40)


def test_a_labeller_gets_counts_of_what_they_answered(team: Team):
    assert team.bob.get("/images/counts?by=glasses")["values"] == {"none": 40}
    assert team.ada.get("/images/counts?by=glasses")["values"]["1"] == 10


def test_no_page_or_list_of_a_labeller_names_an_image_that_is_asked(team: Team):
    app = create_app(ProjectFolder(Path()), Settings())
    walked = 0
    for rule in app.url_map.iter_rules():
        needed = ACCESS[rule.endpoint]
        if "GET" not in (rule.methods or ()) or needed not in (Role.LABELLER, "anyone"):
            continue
        if rule.endpoint in {"static", "browse.list_images", "browse.show_image", "media.view", "media.tile"}:
            continue  # the first three have tests above; pictures say nothing of answers
        path = re.sub(r"<[^>]*>", "1", str(rule))
        answer = team.bob.session.get(team.bob.url + path, timeout=60)
        assert answer.status_code < 500, path
        assert not team.named(answer.text), path
        walked += 1
    assert walked > 25


def test_tasks_of_gold_overlap_and_audit_images_look_the_same(team: Team):
    tasks = team.bob.next(40)["tasks"]
    shapes: dict[bool, set[str]] = {True: set(), False: set()}
    for task in tasks:
        suggested = any(cell["suggestion"] for cell in task["cells"])
        shapes[suggested].add(json.dumps([sorted(task), task["labels"], task["cells"]], sort_keys=True))
    assert len(shapes[False]) == 1
    blind = {t["image_id"] for t in tasks if not any(cell["suggestion"] for cell in t["cells"])}
    gold = set(range(1, 11))
    assert blind & gold
    assert blind & audit_images(team.project) - gold


def test_a_labeller_corrects_only_what_they_answered(team: Team):
    body = {"values": {"glasses": 2}}
    refused = {team.bob.post(f"/images/{n}/corrections", body, f"no{n}").text for n in range(1, 41)}
    assert len(refused) == 1
    change = {"action": "set", "images": list(range(1, 41)), "attribute": "glasses", "value": 2}
    preview = team.bob.post("/selection/preview", change).json()
    assert (preview["changed"], preview["opinions"], preview["unchanged"]) == (0, 0, 40)


def test_what_belongs_to_somebody_else_is_unknown(team: Team):
    lapse_leases(team.project)
    [task] = team.ada.next(1)["tasks"]
    late = team.bob.answer(task, ALL, key="with a lease of Ada")
    assert late["late"]  # an opinion: only Ada's lease makes it in time
    team.ada.answer(task, ALL, key="Ada's key")
    again = {"image_id": task["image_id"], "lease": task["lease"], "values": ALL, "accepted": []}
    assert team.bob.post("/annotations", again, "Ada's key").status_code == 409
    assert team.bob.post("/annotations/undo", {"submission": "Ada's key"}, "u").status_code == 404


def test_nobody_holds_more_than_a_share_of_the_project(
    filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(leases, "MOST_LEASES", 12)
    person, other = Person(filled), Person(filled, "other")
    first, second = person.next(10), person.next(5)
    with filled.database.write() as session:
        tokens = [task.lease for task in (*first, *second)]
        renewed, lost = leases.renew_leases(session, person.id, tokens, 60)
    assert (len(renewed), len(lost)) == (12, 3)
    assert {task.lease for task in second} <= set(renewed)
    assert {task.image_id for task in other.next(40)}.isdisjoint(
        task.image_id for task in (*first, *second) if task.lease in renewed
    )
