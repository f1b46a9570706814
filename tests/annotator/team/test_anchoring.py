"""How far people follow suggestions: chance withholds some, and the answers with and without are compared."""

import numpy as np
import pytest
from sqlalchemy import select, update

from annotator.app import create_app
from annotator.config import Settings
from annotator.domain.metrics import anchoring as rule
from annotator.domain.metrics.anchoring import measure_anchoring
from annotator.domain.roles import Role
from annotator.models import Annotation, Image, Lease, Submission
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import SweepSelection, lease_page
from annotator.services.exporting.provenance import read_labelling
from annotator.services.rounds.audit_set import read_audit_set
from annotator.services.schema.active import active_schema
from annotator.services.tasks import withholding
from annotator.services.tasks.anchoring import anchoring, anchoring_allowance
from annotator.services.tasks.queue import held_tasks
from annotator.services.tasks.settings import MAX_WITHHELD
from annotator.services.tasks.task import Task
from annotator.services.tasks.withholding import Withholding, read_withholding
from tests.support.projects.labelling import Person, lapse_leases
from tests.support.projects.team import answer_glasses, set_team_settings, withhold_suggestions


def shown(tasks: list[Task]) -> set[int]:
    """The images of tasks that show a suggestion."""
    return {task.image_id for task in tasks if any(cell.suggestion for cell in task.cells)}


def audit_images(project: ProjectFolder) -> set[int]:
    with project.database.read() as session:
        return set(session.scalars(select(Image.id).where(Image.split == "test")))


@pytest.fixture
def suggesting(filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    """A project whose model suggests a value for every image; a fifth of the suggestions is withheld."""
    withhold_suggestions(filled, monkeypatch)
    return filled


def test_chance_decides_once_for_a_labeller_and_an_image(suggesting: ProjectFolder):
    ada, bob, audit = Person(suggesting, "Ada"), Person(suggesting, "Bob"), audit_images(suggesting)
    tasks = ada.next(40)
    withheld = {task.image_id for task in tasks} - shown(tasks) - audit
    assert 1 <= len(withheld) <= 20
    with suggesting.database.read() as session:
        chosen = read_withholding(session)
        assert withheld == chosen.withheld(ada.id, [task.image_id for task in tasks]) - audit
        leases = {lease.image_id: lease for lease in session.scalars(select(Lease))}
        again = held_tasks(suggesting, session, ada.id, [task.lease for task in tasks])
    assert shown(again) == shown(tasks)
    glasses = [[3, 0]]
    for task in tasks:
        lease = leases[task.image_id]
        expected = None if task.image_id in audit else task.image_id in withheld
        assert (lease.withheld, lease.suggested) == (expected, None if expected is None else glasses)
    first = next(task for task in tasks if task.image_id in withheld)
    ada.answer(first, {"glasses": 0}, key="first")
    ada.undo("first")
    lapse_leases(suggesting)
    assert shown(ada.next(40)) == shown(tasks)
    lapse_leases(suggesting)
    assert shown(bob.next(40)) != shown(tasks)


def test_the_setting_switches_it_off_and_a_small_project_has_it_off(
    suggesting: ProjectFolder, monkeypatch: pytest.MonkeyPatch
):
    ada, audit = Person(suggesting, "Ada"), audit_images(suggesting)
    set_team_settings(suggesting, withhold_share=0.0)
    everything = shown(ada.next(40)) | audit
    lapse_leases(suggesting)
    set_team_settings(suggesting, withhold_share=MAX_WITHHELD)
    monkeypatch.setattr(withholding, "FEWEST_WITHHELD", 30)
    assert shown(ada.next(40)) | audit == everything == set(range(1, 41))
    with suggesting.database.read() as session:
        assert session.scalar(select(Lease).where(Lease.withheld.is_not(None))) is None


def test_a_page_of_sweep_shows_what_it_is_about(suggesting: ProjectFolder):
    ada = Person(suggesting, "Ada")
    with suggesting.database.write() as session:
        page = lease_page(
            suggesting, session, ada.id, SweepSelection("glasses", 0), count=40, lease_seconds=60
        )
    assert shown(page) == {task.image_id for task in page} == set(range(1, 41)) - audit_images(suggesting)


def test_nothing_tells_a_withheld_suggestion_from_another_blind_image(suggesting: ProjectFolder):
    client = create_app(suggesting, Settings(faces=False, start_token=False)).test_client()
    tasks = client.post("/api/v1/tasks/next", json={"count": 40}).get_json()["tasks"]
    blind = [task for task in tasks if not any(cell["suggestion"] for cell in task["cells"])]
    own = ("image_id", "image_name", "image_url", "thumbnail_url", "lease")
    kinds = {str({key: value for key, value in task.items() if key not in own}) for task in blind}
    audit = audit_images(suggesting)
    assert len(kinds) == 1
    assert audit < {task["image_id"] for task in blind}
    for task in blind:
        path = f"/api/v1/images/{task['image_id']}"
        assert client.get(path).get_json()["blind"]
        reasons = client.get(f"{path}/reasons/glasses")
        assert (reasons.status_code, reasons.get_json()["error"]["code"]) == (409, "nothing_suggested")
        assert "without suggestions" in reasons.text


def test_answers_are_compared_by_what_was_seen(filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch):
    withhold_suggestions(filled, monkeypatch)
    ada = Person(filled, "Ada")
    answer_glasses(ada, blind=1)
    monkeypatch.setattr(rule, "ENOUGH", 3)
    with filled.database.read() as session:
        report, audit = anchoring(session), read_audit_set(session, active_schema(session))
        labelling = read_labelling(session)
        allowance = anchoring_allowance(session, "glasses")
        unknown = anchoring_allowance(session, "freckles")
        withheld = session.scalars(select(Submission.id).where(Submission.withheld)).all()
    total = report.total
    assert total.shown.equal == total.shown.answers > 0 == total.withheld.equal
    assert total.withheld.answers == total.images == len(withheld) >= 3
    assert report.attributes == {"glasses": total}
    assert report.people == {ada.id: total}
    assert total.difference == 1.0
    assert 0 < (total.low or 0) < (total.high or 0) == total.allowance == 1.0
    assert labelling.anchoring == [("all", total), ("glasses", total)]
    assert len(audit.images) == len(audit_images(filled)), "an answer without suggestions is no audit answer"
    assert (allowance.anchoring, allowance.in_sight) == (1.0, 40 - len(audit.images) - len(withheld))
    assert (unknown.anchoring, unknown.in_sight) == (0.0, 0)
    # Undone answers and those in excluded images do not count; a key that says the same as the suggestion does.
    with filled.database.write() as session:
        session.execute(update(Annotation).values(origin="human"))
        number, image = session.execute(
            select(Submission.key, Submission.image_id).where(Submission.withheld)
        ).first()
        other = session.scalars(
            select(Submission.image_id).where(Submission.withheld, Submission.key != number)
        ).first()
        session.execute(update(Image).where(Image.id == other).values(exclusion_id=1))
    ada.undo(number)
    with filled.database.read() as session:
        after = anchoring(session).total
    assert after.shown == total.shown
    assert after.withheld.answers == total.withheld.answers - 2
    assert image != other


def test_a_team_sees_it_and_a_labeller_does_not(filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch):
    withhold_suggestions(filled, monkeypatch)
    answer_glasses(Person(filled, "Ada", Role.REVIEWER), blind=0)
    client = create_app(filled, Settings(faces=False, start_token=False)).test_client()
    team = client.get("/api/v1/team").get_json()
    assert [one["attribute"] for one in team["anchoring"]] == [None, "glasses"]
    assert team["anchoring"][0]["text"].startswith("Too few to say: ")
    settings = {**team["settings"], "withhold_share": 0.1}
    assert client.post("/api/v1/team/settings", json=settings).get_json()["withhold_share"] == 0.1
    del settings["withhold_share"]
    assert client.post("/api/v1/team/settings", json=settings).get_json()["withhold_share"] == 0.1
    assert client.post("/api/v1/team/settings", json={**settings, "withhold_share": 0.3}).status_code == 400


def test_the_two_arms_keep_their_ratio():
    chosen = Withholding(0.03, "key")
    arms = [chosen.arm(labeller, image) for labeller in range(20) for image in range(5_000)]
    assert arms.count(True) == pytest.approx(3_000, rel=0.06)
    assert arms.count(False) == pytest.approx(12_000, rel=0.04)
    wider = Withholding(0.05, "key")
    assert all(wider.arm(0, image) for image in range(5_000) if chosen.arm(0, image))


def test_the_interval_covers_and_few_answers_say_nothing():
    random, covered = np.random.default_rng(0), 0
    for _ in range(200):
        group = np.repeat(np.arange(120), 4)
        shift = np.repeat(random.normal(0, 0.05, 120), 4)
        withheld = random.random(480) < 0.2
        equal = random.random(480) < np.where(withheld, 0.88, 0.95) + shift
        measured = measure_anchoring(equal, withheld, np.arange(480), group)
        covered += (measured.low or 0) <= 0.07 <= (measured.high or 0)
    assert covered >= 184
    few = measure_anchoring(np.ones(50, bool), np.arange(50) < 20, np.arange(50), np.arange(50))
    assert few.difference is few.allowance is None
    assert few.text.startswith("Too few to say: 20 answers")
    one_person = measure_anchoring(
        np.ones(90, bool), np.arange(90) < 40, np.arange(90), np.zeros(90, np.int64)
    )
    assert one_person.difference is None
