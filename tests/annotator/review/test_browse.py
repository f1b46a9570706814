"""Browse: every image of a view appears once and in order, and corrections are kept once."""

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from annotator.domain.roles import Role
from annotator.models import Image, now
from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from annotator.services.review import filters, listing
from annotator.services.review.filters import Filters
from annotator.services.review.flags import raise_flag, resolve_flag
from annotator.services.review.listing import find_images
from annotator.services.rounds.loading import load_predictions
from tests.support.predictions_folder import SURE, write_predictions
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.reviewing import cell_of, late_opinion, names_in_view, save_correction
from tests.support.serving import Server


def test_without_filters_every_image_is_shown_once_by_name(filled: ProjectFolder):
    assert names_in_view(filled) == names_of(filled)


@given(
    names=st.sets(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6), max_size=25
    ),
    limit=st.integers(1, 9),
    window=st.integers(1, 9),
    prefix=st.text(st.characters(codec="utf-8", exclude_characters="\0*"), max_size=2),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_forwards_and_backwards_hold_each_image_once_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    names: set[str],
    limit: int,
    window: int,
    prefix: str,
):
    monkeypatch.setattr(listing, "_WINDOW", window)
    project = property_project(tmp_path_factory)
    with project.database.write() as session:
        session.query(Image).delete()
        rows = [row(name, number) for number, name in enumerate(sorted(names))]
        if rows:
            session.execute(insert(Image), rows)
    filters = {"split": "train", "name": prefix or None}
    expected = [r["name"] for r in rows if r["split"] == "train" and r["name"].startswith(prefix)]
    expected.sort(key=str.encode)
    assert names_in_view(project, limit, **filters) == expected
    backwards: list[str] = []
    before: str | None = "\U0010ffff" * 8
    with project.database.read() as session:
        while before is not None:
            page = find_images(project, session, Filters(**filters), before=before, limit=limit)
            backwards = [image.name for image in page.images] + backwards
            before = page.next
    assert backwards == expected


_made: list[ProjectFolder] = []


def property_project(tmp_path_factory: pytest.TempPathFactory) -> ProjectFolder:
    if not _made:
        _made.append(init_project(tmp_path_factory.mktemp("pages") / "project"))
    return _made[0]


def row(name: str, number: int) -> dict[str, Any]:
    return {
        "name": name, "sha256": f"{number:064x}", "extension": "jpg", "width": 8, "height": 8, "source": "made",
        "original_path": name, "group": f"g{number}", "split": ("train", "train", "test")[number % 3],
        "shuffle": number, "open_cells": 6, "created_at": now(),
    }  # fmt: skip


def test_each_filter_shows_what_it_says_and_filters_add_up(filled: ProjectFolder):
    me, other = Person(filled), Person(filled, "Ada", Role.REVIEWER)
    chance = random.Random(5)
    truth: dict[str, tuple[str, dict[str, int | None]]] = {}
    for task in me.next(30):
        person = chance.choice([me, other])
        values: dict[str, int | None] = {"glasses": chance.choice([0, 1, 2, None])}
        if chance.random() < 0.5:
            values["wrinkles"] = chance.choice([0, 1])
        save_correction(filled, person, task.image_id, values, f"c{task.image_id}")
        truth[task.image_name] = ("Ada" if person is other else "local", values)

    def expect(test) -> list[str]:
        return sorted(name for name, (who, values) in truth.items() if test(who, values))

    assert names_in_view(filled, attribute="glasses", value="1") == expect(lambda _, v: v["glasses"] == 1)
    assert names_in_view(filled, attribute="glasses", value="unsure") == expect(
        lambda _, v: v["glasses"] is None
    )
    unlabelled = sorted(set(names_of(filled)) - set(expect(lambda _, v: "wrinkles" in v)))
    assert names_in_view(filled, attribute="wrinkles", value="none") == unlabelled
    assert names_in_view(filled, labeller="Ada") == expect(lambda who, _: who == "Ada")
    assert names_in_view(filled, attribute="wrinkles", labeller="Ada") == expect(
        lambda w, v: w == "Ada" and "wrinkles" in v
    )
    assert names_in_view(filled, attribute="glasses", value="0", labeller="local", origin="human") == expect(
        lambda w, v: w == "local" and v["glasses"] == 0
    )
    assert names_in_view(filled, labeller="nobody") == []
    assert names_in_view(filled, origin="import") == []
    assert names_in_view(filled, split="test") == names_of(filled, split="test")
    name = names_of(filled)[3]
    with filled.database.read() as session:
        group = session.scalars(select(Image.group).where(Image.name == name)).one()
    assert names_in_view(filled, group=group) == [name]
    assert names_in_view(filled, name=name[:3]) == [n for n in names_of(filled) if n.startswith(name[:3])]
    assert names_in_view(filled, name="*2.j") == [n for n in names_of(filled) if "2.j" in n]
    assert names_in_view(filled, name="*%") == []


def test_images_with_a_flag_are_found_until_it_is_resolved(filled: ProjectFolder):
    name = names_of(filled)[7]
    with filled.database.write() as session:
        flag = raise_flag(session, 1, "k", image_of(filled, name), "look")
    assert names_in_view(filled, flag="open") == names_in_view(filled, flag="any") == [name]
    with filled.database.write() as session:
        resolve_flag(session, 1, flag.id)
    assert (names_in_view(filled, flag="open"), names_in_view(filled, flag="resolved")) == ([], [name])


@pytest.mark.parametrize("few", [20_000, 0])
def test_differing_opinions_are_found_until_a_reviewer_decides(
    filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch, few: int
):
    monkeypatch.setattr(filters, "FEW", few)  # 0: they are many, and looked for among the images
    image = late_opinion(filled, 0, 1)
    with filled.database.read() as session:
        name = session.get_one(Image, image).name
    assert (
        names_in_view(filled, differing=True)
        == names_in_view(filled, differing=True, attribute="glasses")
        == [name]
    )
    assert names_in_view(filled, differing=True, attribute="wrinkles") == []
    assert cell_of(filled, image).differing
    me = Person(filled)
    save_correction(filled, me, image, {"glasses": 0}, "decide", adjudicate=True)
    assert names_in_view(filled, differing=True) == []
    assert not cell_of(filled, image).differing
    assert names_in_view(filled, attribute="glasses", origin="review") == [name]


def test_a_vote_that_agrees_or_was_undone_is_no_disagreement(filled: ProjectFolder):
    image = late_opinion(filled, 1, 1)
    assert names_in_view(filled, differing=True) == []
    slow = Person(filled, "slow")
    save_correction(filled, Person(filled), image, {"glasses": 2}, "c")
    assert len(names_in_view(filled, differing=True)) == 1
    slow.undo("late")
    assert names_in_view(filled, differing=True) == []


def test_labels_that_the_model_contradicts_are_found_with_its_probability(
    filled: ProjectFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listing, "_WINDOW", 6)
    train, blind = names_of(filled, split="train"), names_of(filled, split="test")
    answers = dict.fromkeys(names_of(filled), SURE) | {train[5]: [0.6, 0.3, 0.1]}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", answers))
    me = Person(filled)
    wrong = [train[2], train[5], blind[0]]
    for name in [*wrong, train[8]]:
        image = image_of(filled, name)
        save_correction(filled, me, image, {"glasses": 0 if name == train[8] else 1}, f"c{image}")
    assert names_in_view(filled, contradicted=0.0) == [train[2], train[5]]
    assert names_in_view(filled, contradicted=0.9) == [train[2]]
    assert names_in_view(filled, contradicted=0.9, attribute="wrinkles") == []
    assert names_in_view(filled, contradicted=0.0, name=train[5]) == [train[5]]
    assert cell_of(filled, image_of(filled, train[2])).contradicted
    # Nobody is led to an audit image because the model contradicts its label, and its page never says what the model answers.
    save_correction(filled, me, image_of(filled, blind[0]), ALL | {"glasses": 1}, "done")
    assert cell_of(filled, image_of(filled, blind[0])).suggestion is None
    assert names_in_view(filled, contradicted=0.9) == [train[2]]
    save_correction(filled, me, image_of(filled, train[2]), {"glasses": 1}, "decide", adjudicate=True)
    assert names_in_view(filled, contradicted=0.9) == []


def test_without_predictions_nothing_is_contradicted(filled: ProjectFolder):
    assert names_in_view(filled, contradicted=0.0) == []


def test_the_api_pages_through_a_view_and_corrects(server: Server):
    client = server.client()
    first = client.get("/images?limit=25")
    second = client.get(f"/images?limit=25&after={first['next']}")
    names = [image["name"] for image in first["images"] + second["images"]]
    assert (len(names), second["next"]) == (40, None)
    assert all(a < b for a, b in pairwise(names))
    back = client.get(f"/images?limit=25&before={names[25]}")
    assert [image["name"] for image in back["images"]] == names[:25]
    number = first["images"][0]["id"]
    body = {"values": {"glasses": 1, "hair_top": None}, "adjudicate": True}
    answers = [client.post(f"/images/{number}/corrections", body, "k").json() for _ in range(2)]
    assert answers[0] == answers[1]
    [card] = client.get("/images?attribute=glasses&value=1")["images"]
    assert card["labels"] == {"glasses": 1, "hair_top": None}
    assert sorted(card["adjudicated"]) == ["glasses", "hair_top"]
    client.post(f"/images/{number}/corrections/undo", {"submission": "k"}, "u").raise_for_status()
    assert client.get("/images?attribute=glasses&value=1")["images"] == []


REFUSED = [
    ("?value=1", 400, "no_attribute"),
    ("?attribute=glasses&value=x", 400, "bad_value"),
    ("?attribute=beard", 400, "unknown_attribute"),
    ("?limit=0", 400, "bad_request"),
    ("?colour=red", 400, "bad_request"),
    ("?after=a&before=b", 400, "bad_request"),
    ("?split=all", 400, "bad_request"),
    ("/99999", 404, "unknown_image"),
    (f"/{10**30}", 404, "not_found"),
]


def test_a_view_that_cannot_be_is_told(server: Server):
    client = server.client()
    for query, status, code in REFUSED:
        answer = client.session.get(f"{server.url}/api/v1/images{query}", timeout=60)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), query
