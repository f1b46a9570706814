"""Assigned images go to their people alone, in exact shares by whole groups; a release gives them back at once."""

import json
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from annotator.domain.grouping.shares import place_of, stretch_ends
from annotator.errors import Conflict, NotFound, WrongUse
from annotator.models import Image, Labeller
from annotator.project import ProjectFolder
from annotator.services.access.tokens import add_token
from annotator.services.accounts import add_account
from annotator.services.annotation.bulk import SweepSelection, find_page
from annotator.services.review.filters import Filters
from annotator.services.rounds.loading import load_predictions
from annotator.services.tasks.assigned import Reach, ShareRule, in_queue_order, read_reach
from annotator.services.tasks.queue import free_for
from annotator.services.team.assigning import assign, list_assignments, release
from annotator.services.team.assignment_plan import Preview, Wanted, preview_assignment
from tests.support.commands import call
from tests.support.predictions_folder import write_predictions
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.images import draw_plain_images, import_images, names_of
from tests.support.projects.labelling import ALL, Person, lapse_leases
from tests.support.projects.team import answerers_of, set_team_settings
from tests.support.serving import Server


def previewed(project: ProjectFolder, wanted: Wanted) -> Preview:
    with project.database.read() as session:
        return preview_assignment(project, session, wanted)


def pools(project: ProjectFolder) -> dict[int, int | None]:
    with project.database.read() as session:
        return dict(session.execute(select(Image.id, Image.pool_id)).all())


def taken(person: Person) -> set[int]:
    """All images that somebody gets from the queue now; the leases then end."""
    images = {task.image_id for task in person.next(50)}
    lapse_leases(person.project)
    return images


def grouped(project: ProjectFolder) -> None:
    """Put the images into groups of one to four."""
    with project.database.write() as session:
        numbers = list(session.scalars(select(Image.id).order_by(Image.id)))
        for place, number in enumerate(numbers):
            session.execute(update(Image).where(Image.id == number).values(group=f"g{place * 2 // 5}"))


@pytest.mark.parametrize("shares", [(0.6, 0.4), (0.5, 0.25, 0.25), (0.3,), (0.001, 0.999)])
def test_shares_are_exact_but_for_a_group_and_stay_for_later_groups(shares: tuple[float, ...]):
    sizes = {f"group {n}": n % 3 + 1 for n in range(500)}
    total = sum(sizes.values())
    ends = stretch_ends(sizes, shares)
    assert ends == sorted(ends)
    starts = [0.0, *ends[:-1]]
    for share, first, end in zip(shares, starts, ends, strict=True):
        images = sum(size for group, size in sizes.items() if first <= place_of(group) < end)
        assert abs(images - share * total) <= 3
    later = Counter(
        next((n for n, end in enumerate(ends) if place_of(f"later {i}") < end), None) for i in range(4000)
    )
    for part, share in enumerate(shares):
        assert abs(later[part] / 4000 - share) < 0.05


def test_two_people_get_disjoint_shares_of_whole_groups_and_the_preview_says_them(filled: ProjectFolder):
    ada, bob, eve = (Person(filled, name) for name in ("Ada", "Bob", "Eve"))
    grouped(filled)
    wanted = Wanted({ada.id: 0.6, bob.id: 0.4}, covers_new=True)
    preview = previewed(filled, wanted)
    assert (preview.images, preview.rest, preview.assigned) == (40, 0, 0)
    assert [abs(part.images - share) <= 3 for part, share in zip(preview.parts, (24, 16), strict=True)] == [
        True, True,
    ]  # fmt: skip
    assign(filled, ada.id, "a", wanted)
    with filled.database.read() as session:
        pools_of_group = session.execute(select(Image.group, Image.pool_id).distinct()).all()
    assert len(pools_of_group) == len(dict(pools_of_group))
    ada_gets, bob_gets = taken(ada), taken(bob)
    assert not ada_gets & bob_gets
    assert (len(ada_gets), len(bob_gets)) == tuple(part.images for part in preview.parts)
    assert taken(eve) == set()
    assert assign(filled, ada.id, "a", wanted) == 1
    with pytest.raises(Conflict, match="another request"):
        assign(filled, ada.id, "a", Wanted({bob.id: 1.0}))
    with pytest.raises(WrongUse, match="no open image"):
        assign(filled, ada.id, "b", Wanted({eve.id: 1.0}))


def test_progress_is_counted_and_a_release_gives_the_rest_to_everybody(filled: ProjectFolder):
    ada, bob, eve = (Person(filled, name) for name in ("Ada", "Bob", "Eve"))
    number = assign(filled, eve.id, "a", Wanted({ada.id: 0.5, bob.id: 0.5}))
    for task in ada.next(4):
        ada.answer(task, ALL)
    with filled.database.read() as session:
        [past] = list_assignments(session)
    assert (past.by, past.state, past.view) == ("Eve", "active", None)
    assert [(part.names, part.images, part.done) for part in past.parts] == [
        (("Ada",), 20, 4), (("Bob",), 20, 0),
    ]  # fmt: skip
    release(filled, number)
    release(filled, number)
    assert set(pools(filled).values()) == {None}
    assert len(taken(eve)) == 36
    with filled.database.read() as session:
        [past] = list_assignments(session)
    assert (past.state, past.released_at is not None) == ("released", True)
    with pytest.raises(NotFound):
        release(filled, 99)


def test_a_view_goes_to_several_people_and_a_lease_that_runs_stays(filled: ProjectFolder):
    ada, bob, eve = (Person(filled, name) for name in ("Ada", "Bob", "Eve"))
    [held] = eve.next()
    with filled.database.read() as session:
        names = set(session.scalars(select(Image.name).where(Image.name.like("000%"))))
    wanted = Wanted({ada.id: None, bob.id: None}, Filters(name="000"), {"name": "000"})
    preview = previewed(filled, wanted)
    assert preview.images == len(names) > 0
    assert preview.parts[0].held == (held.image_name in names)
    assign(filled, ada.id, "a", wanted)
    assert eve.answer(held, ALL).late is False
    first, second, rest = taken(ada), taken(bob), taken(eve)
    assert first == second
    with filled.database.read() as session:
        reserved = set(session.scalars(select(Image.id).where(Image.name.in_(names))))
    assert not rest & reserved
    assert first == reserved | rest - {held.image_id}
    with pytest.raises(WrongUse):
        previewed(filled, Wanted({ada.id: 0.5, bob.id: None}))
    with pytest.raises(WrongUse):
        previewed(filled, Wanted({}))
    with pytest.raises(NotFound):
        previewed(filled, Wanted({999: 1.0}))


def test_excluded_and_done_images_count_nowhere_and_people_who_left_keep_nothing(filled: ProjectFolder):
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    for task in ada.next(5):
        ada.answer(task, ALL)
    with filled.database.write() as session:
        excluded = session.scalars(select(Image.id).where(Image.open_cells > 0)).first()
        session.execute(update(Image).where(Image.id == excluded).values(exclusion_id=1))
    assert previewed(filled, Wanted({ada.id: 1.0})).images == 34
    assign(filled, ada.id, "a", Wanted({ada.id: 1.0}))
    assert taken(bob) == set()
    with filled.database.write() as session:
        session.execute(update(Labeller).where(Labeller.id == ada.id).values(active=False))
    assert len(taken(bob)) == 34
    with filled.database.read() as session:
        [part] = list_assignments(session)[0].parts
    assert (part.images, part.done, part.absent) == (34, 0, True)


def test_overlapped_images_get_their_answers_all_the_same(filled: ProjectFolder):
    set_team_settings(filled, overlap_share=1.0, overlap_opinions=2)
    ada, bob, eve = (Person(filled, name) for name in ("Ada", "Bob", "Eve"))
    wanted = Wanted({ada.id: 0.5, bob.id: 0.5})
    preview = previewed(filled, wanted)
    assert (preview.overlapped, preview.opinions, preview.lacking) == (40, 2, True)
    assert previewed(filled, Wanted({ada.id: None, bob.id: None})).lacking is False
    assign(filled, ada.id, "a", wanted)
    first: dict[int, int] = {}
    for _ in range(30):
        for person in (ada, bob, eve):
            for task in person.next(5):
                first.setdefault(task.image_id, person.id)
                person.answer(task, ALL)
    assert set(first.values()) == {ada.id, bob.id}
    assert {len(set(people)) for people in answerers_of(filled).values()} == {2}


def test_later_images_fall_into_the_shares_by_their_group(filled: ProjectFolder, tmp_path: Path):
    ada, bob = Person(filled, "Ada"), Person(filled, "Bob")
    assign(filled, ada.id, "a", Wanted({ada.id: 0.5, bob.id: 0.5}, covers_new=True))
    before = pools(filled)
    draw_plain_images(tmp_path / "later", 8)
    import_images(filled, [tmp_path / "later"])
    with filled.database.read() as session:
        rule = ShareRule(session)
        rows = session.execute(select(Image.id, Image.group, Image.pool_id)).all()
    assert all(pool == rule.pool_of(group) for _, group, pool in rows)
    assert len(rows) == 48
    assert {number: pool for number, _, pool in rows if number in before} == before
    assert {pool for number, _, pool in rows if number not in before} == set(rule.pools)
    assert taken(ada) | taken(bob) == {number for number, _, _ in rows}


def test_the_order_of_the_model_and_the_sweep_skip_the_images_of_others(filled: ProjectFolder):
    names = names_of(filled, split="train")
    guessed = {name: [0.5, 0.2, 0.3] for name in names}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", guessed))
    ada, bob, eve = (Person(filled, name) for name in ("Ada", "Bob", "Eve"))
    assign(filled, ada.id, "a", Wanted({ada.id: 0.5, bob.id: 0.5}))
    with filled.database.read() as session:
        mine = {number for number, pool in session.execute(select(Image.id, Image.pool_id)) if pool == 1}
    ordered = [task.image_id for task in ada.next(50)]
    assert set(ordered) == mine
    lapse_leases(filled)
    sweep = SweepSelection("glasses", 0)
    with filled.database.read() as session:
        of_ada, of_bob, of_eve = (
            set(find_page(filled, session, person.id, sweep, 40)) for person in (ada, bob, eve)
        )
        in_queue = set(find_page(filled, session, ada.id, SweepSelection("glasses"), 40))
    assert of_ada
    assert of_ada | in_queue <= mine
    assert of_bob
    assert not of_bob & mine
    assert of_eve == set()


@pytest.mark.database_file
def test_the_queue_of_somebody_with_assigned_images_walks_an_index(filled: ProjectFolder):
    ada = Person(filled, "Ada")
    assign(filled, ada.id, "a", Wanted({ada.id: 0.5}))
    with filled.database.read() as session:
        reach = read_reach(session, ada.id)
        assert reach == Reach(pools=(1,), closed=(), small=(), state=reach.state)
        other = read_reach(session, 999)
        assert (other.pools, other.closed) == ((), (1,))
        query = in_queue_order((None, 1), (free_for(ada.id, None),), 5)
        sql = str(query.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
        plan = [row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {sql}"))]
    walks = [step for step in plan if "ix_images_open_of_pool (pool_id=?)" in step]
    assert len(walks) == 2, plan


def test_a_reviewer_assigns_by_the_api_and_the_command_and_a_labeller_may_not(filled: ProjectFolder):
    with filled.database.write() as session:
        ids = {
            name: add_account(session, name, role, PASSWORD).id
            for name, role in (("Adm", "admin"), ("Rob", "reviewer"), ("Lea", "labeller"))
        }
        tokens = {name: add_token(session, name, "a test") for name in ids}
    with Server(filled.path) as server:
        client, body = server.client(), {"people": [{"labeller": ids["Lea"], "share": 0.25}]}
        client.session.headers["Authorization"] = f"Bearer {tokens['Lea']}"
        assert client.post("/team/assignments", body, "k").status_code == 403
        client.session.headers["Authorization"] = f"Bearer {tokens['Rob']}"
        preview = client.post("/team/assignments/preview", body).json()
        assert (preview["images"], preview["rest"], preview["parts"][0]["people"]) == (10, 30, [ids["Lea"]])
        for _ in range(2):
            made = client.post("/team/assignments", body, "k").json()
            [listed] = made["assignments"]
            assert (made["id"], listed["parts"][0]["names"], listed["parts"][0]["images"]) == (1, ["Lea"], 10)
        view = {"people": [{"labeller": ids["Rob"]}], "view": {"name": "000", "order": "date"}}
        second = client.post("/team/assignments", view, "k2").json()["assignments"][0]
        assert second["view"] == {"name": "000"}
        for wrong, code in (
            ({"people": [{"labeller": 10**6}]}, "unknown_labeller"),
            (
                {"people": [{"labeller": ids["Lea"], "share": 1}, {"labeller": ids["Rob"], "share": 1}]},
                "bad_shares",
            ),
            (view | {"view": {"attribute": "shoe"}}, "unknown_attribute"),
            (view | {"covers_new": True}, "view_covers_new"),
        ):
            assert client.post("/team/assignments/preview", wrong).json()["error"]["code"] == code
        while tasks := client.next(20)["tasks"]:
            for task in tasks:
                client.answer(task, ALL)
        assert client.next(1)["reserved"] is True
        released = client.post("/team/assignments/1/release", {}).json()
        assert [each["state"] for each in released["assignments"]] == ["active", "released"]
        assert client.next(1)["tasks"]
    project = ("-p", filled.path)
    preview = json.loads(call("assign", "Lea=50", "Rob=50%", "--preview", "--json", *project).out)
    assert sum(part["images"] for part in preview["parts"]) == preview["images"]
    done = call("assign", "Lea", "Rob", "--view", "?split=train", *project)
    assert "Lea or Rob gets" in done.out
    assert "--release 3" in done.out
    assert "Rob or Lea 0 of" in call("assign", "--list", *project).out
    call("assign", "--release", "3", *project).assert_done()
    call("assign", "Lea=many", *project).assert_refused(2, "not a name and a percentage")
    call("assign", "Nobody", *project).assert_refused(1, "no account")
    call("assign", *project).assert_refused(2, "Nobody was named")
