"""Wrong names are corrected: faces unnamed, a person split in two, a whole run of names undone."""

import pytest

from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.project import ProjectFolder
from annotator.services.annotation.take_back import undo_take_back
from annotator.services.people.naming_runs import last_namings, undo_namings_since
from annotator.services.people.split import Split, split_person
from tests.support.projects.naming import Namer, describe_five, groups_of, identities
from tests.support.serving import Server


@pytest.fixture
def me(filled: ProjectFolder) -> Namer:
    """Of 40 images 25 with a described face: of five people."""
    return describe_five(filled)


def split(me: Namer, images: list[int], name: str | None = None, **more: object) -> str:
    with me.project.database.write() as session:
        return split_person(session, me.id, Split("s", 0, tuple(images), name, **more)).name


def test_a_person_is_split_in_two_and_one_again_by_an_undo(me: Namer):
    images = me.sets()[0].images
    me.confirm("Ada", images)
    assert split(me, images[:3], "Zoe") == split(me, images[:3], "Zoe") == "Zoe"
    assert identities(me.project) == dict.fromkeys(images[:3], 1) | dict.fromkeys(images[3:], 0)
    assert groups_of(me.project, images[:3]) == {"identity:1"}
    assert {name: person.images for name, person in me.people().items()} == {"Ada": 6, "Zoe": 3}
    assert me.undo("s") == ("split", sorted(images[:3]))
    assert identities(me.project) == dict.fromkeys(images, 0)
    assert groups_of(me.project, images[:3]) == {"identity:0"}


def test_unnamed_faces_are_asked_again_but_not_proposed_as_the_same_person(me: Namer):
    images = me.sets()[0].images
    me.confirm("Ada", images)
    assert split(me, images[:2], unname=True) == "Ada"
    assert identities(me.project) == dict.fromkeys(images[2:], 0)
    again = next(one for one in me.sets() if set(one.images) & set(images[:2]))
    assert not any(person.name == "Ada" for person in again.people)
    me.undo("s")
    assert identities(me.project) == dict.fromkeys(images, 0)


def test_without_a_name_the_faces_are_those_of_a_new_person(me: Namer):
    images = me.sets()[0].images
    me.confirm("Ada", images)
    assert split(me, images[:1]).startswith("Person ")


def test_a_split_of_other_images_is_refused(me: Namer):
    first, second, *_ = me.sets()
    me.confirm("Ada", first.images)
    for images, name, error in (
        ((second.images[0],), "Zoe", Conflict),
        ((first.images[0],), "Ada", FacelabelError),
        ((first.images[0],), " ", FacelabelError),
    ):
        with pytest.raises(error):
            split(me, list(images), name)
    assert identities(me.project) == dict.fromkeys(first.images, 0)


def test_a_run_of_names_is_undone_from_the_first_wrong_one_on_and_restored(me: Namer):
    for number, one in enumerate(me.sets()[:3]):
        me.confirm(f"P{number}", one.images, key=f"set {number}")
    before = identities(me.project)
    with me.project.database.read() as session:
        assert [(one.name, one.images) for one in last_namings(session, me.id)] == [
            ("P2", 5),
            ("P1", 7),
            ("P0", 9),
        ]
    with me.project.database.write() as session:
        effect = undo_namings_since(session, me.id, "run", "set 1")
        assert (effect.submissions, effect.opened) == (2, 12)
        with pytest.raises(NotFound):
            undo_namings_since(session, me.id + 1, "other", "set 1")
    assert set(identities(me.project).values()) == {0}
    with me.project.database.write() as session:
        undo_take_back(session, me.id, "back", "run", only_own=True)
        assert not any(one.undone for one in last_namings(session, me.id))
    assert identities(me.project) == before


def test_the_api_splits_lists_names_and_undoes_a_run(me: Namer, server: Server):
    images = me.sets()[0].images
    me.confirm("Ada", images, key="set")
    client = server.client()
    body = {"code": 0, "images": images[:2], "unname": True}
    assert client.post("/people/split", body, "k").json() == {
        "submission": "k", "code": 0, "name": "Ada", "images": 2,
    }  # fmt: skip
    assert client.post("/people/undo", {"submission": "k"}, "u").json()["kind"] == "split"
    assert client.get("/people/namings")["namings"][0]["images"] == 9
    undone = client.post("/people/namings/undo", {"submission": "set"}, "run").json()
    assert undone == {"submission": "run", "sets": 1, "opened": 9, "restored": 0}
    assert identities(me.project) == {}
    restored = client.post("/people/namings/restore", {"submission": "run"}, "back").json()
    assert restored["namings"][0]["undone"] is False
