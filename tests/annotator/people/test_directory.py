"""Named people: renamed, merged, found by a part of the name; every step is in the history and can be undone."""

import pytest
from sqlalchemy import select

from annotator.errors import Conflict, FacelabelError, NotFound
from annotator.models import ValueRow
from annotator.project import ProjectFolder
from annotator.services.people.directory import complete_name, list_people
from annotator.services.people.face_sets import identity_attribute, resembling
from annotator.services.people.rename_merge import history_of
from annotator.services.review.details import read_image
from tests.support.face_descriptors import add_people
from tests.support.projects.naming import Namer, describe_five, groups_of, identities
from tests.support.serving import Server


@pytest.fixture
def me(filled: ProjectFolder) -> Namer:
    """Of 40 images 25 with a described face: of five people."""
    return describe_five(filled)


def test_a_new_name_keeps_the_code_and_is_in_the_history(me: Namer):
    images = me.sets()[0].images
    me.confirm("Adda", images)
    assert me.rename(0, "Ada") == "Ada"
    assert set(me.people()) == {"Ada"}
    assert set(identities(me.project).values()) == {0}
    with me.project.database.read() as session:
        [change] = history_of(session, identity_attribute(session)[0], 0)
    assert (change.before, change.after, change.labeller, change.undone) == ("Adda", "Ada", "local", False)
    assert me.undo()[0] == "rename"
    assert set(me.people()) == {"Adda"}


def test_a_name_is_not_given_twice(me: Namer):
    for name, one in zip(("Ada", "Grace"), me.sets(), strict=False):
        me.confirm(name, one.images)
    with pytest.raises(Conflict, match="merge them"):
        me.rename(1, "Ada")
    for name in ("unknown person", "can't tell", " ", "a\nb"):
        with pytest.raises(FacelabelError):
            me.rename(1, name)


def test_a_merge_gives_every_image_a_new_annotation_and_retires_the_code(me: Namer):
    first, second, *_ = me.sets()
    me.confirm("Ada", first.images)
    me.confirm("Ada L.", second.images)
    assert me.merge(1, 0, key="m") == me.merge(1, 0, key="m") == 7
    assert identities(me.project) == dict.fromkeys([*first.images, *second.images], 0)
    assert groups_of(me.project, second.images) == {"identity:0"}
    assert {name: person.images for name, person in me.people().items()} == {"Ada": 16}
    with me.project.database.read() as session:
        detail = read_image(me.project, session, second.images[0])
    cell = next(cell for cell in detail.cells if cell.attribute == "identity")
    assert [(said.name, said.origin) for said in cell.history] == [("Ada L.", "human"), ("Ada", "merge")]
    assert me.confirm("Ada L.", me.sets()[0].images).code == 0  # the merged name means Ada
    assert me.confirm("Hedy", me.sets()[0].images).code == 2  # the merged code is never used again
    for code in (1, 7):
        with pytest.raises(NotFound):
            me.rename(code, "New")


def test_undoing_a_merge_parts_the_two_and_leaves_what_came_after(me: Namer):
    first, second, third, *_ = me.sets()
    for name, one in (("Ada", first), ("Grace", second)):
        me.confirm(name, one.images)
    me.merge(1, 0, key="merge")
    me.confirm("Hedy", second.images[:1])
    me.confirm("Ada", third.images)
    assert me.undo("merge")[0] == "merge"
    found = identities(me.project)
    assert {found[image] for image in first.images + third.images} == {0}
    assert found[second.images[0]] == 2
    assert {found[image] for image in second.images[1:]} == {1}
    assert {name: person.images for name, person in me.people().items()} == {"Ada": 14, "Grace": 6, "Hedy": 1}


def test_an_undo_after_a_merge_does_not_bring_the_retired_person_back(me: Namer):
    first, second, *_ = me.sets()
    me.confirm("Ada", first.images)
    me.confirm("Grace", second.images)
    me.confirm("Hedy", second.images[:2], key="again")
    me.merge(1, 0)
    me.undo("again")
    assert {identities(me.project)[image] for image in second.images} == {0}


def test_people_who_look_alike_are_named_as_such(me: Namer):
    first, second, *_ = me.sets()
    me.confirm("Ada", first.images[:4])
    me.confirm("Ada L.", first.images[4:])
    me.confirm("Grace", second.images)
    me.look()
    with me.project.database.read() as session:
        nearest, other = resembling(me.project, session, 0)
    assert (nearest.name, other.name) == ("Ada L.", "Grace")
    assert nearest.distance < 0.4 < other.distance


def test_people_are_found_by_a_part_of_their_name_page_by_page(me: Namer):
    for name, one in zip(("Ada", "Grace 100%", "Hedy"), me.sets(), strict=False):
        me.confirm(name, one.images)
    assert set(me.people(search="0%")) == {"Grace 100%"}
    assert set(me.people(search="ad")) == {"Ada"}
    with me.project.database.read() as session:
        page, more = list_people(session, limit=2)
        rest, end = list_people(session, after=more, limit=2)
    assert [person.name for person in (*page, *rest)] == ["Ada", "Grace 100%", "Hedy"]
    assert end is None
    assert page[0].face is not None
    assert page[0].face.box == (20, 20, 70, 70)


def test_names_that_begin_with_what_is_typed_are_offered_before_those_that_hold_it(me: Namer):
    for name, one in zip(("Grace Adams", "Brad_", "ada"), me.sets(), strict=False):
        me.confirm(name, one.images)
    with me.project.database.read() as session:
        assert complete_name(session, "AD", 12) == ["ada", "Brad_", "Grace Adams"]
        assert complete_name(session, "AD", 1) == ["ada"]
        assert complete_name(session, "_", 12) == ["Brad_"]


def test_an_image_is_told_with_the_name_of_its_person_and_too_many_people_are_not_sent(me: Namer):
    first, *_ = me.sets()
    me.confirm("Ada", first.images)
    with Server(me.project.path) as server:
        client = server.client()
        cards = client.get("/images?attribute=identity&value=0")["images"]
        assert {card["names"]["identity"] for card in cards} == {"Ada"}
        tasks = client.next(40)["tasks"]
        named = {task["image_id"]: task["names"] for task in tasks if task["names"]}
        assert named == {image: {"identity": "Ada"} for image in first.images}
        identity = next(a for a in client.get("/schema")["attributes"] if a["name"] == "identity")
        assert [value["name"] for value in identity["values"]] == ["Ada"]
        assert not identity["searched"]
        add_people(me.project, 500)
        identity = next(a for a in client.get("/schema")["attributes"] if a["name"] == "identity")
        assert identity["values"] == []
        assert identity["searched"]
        assert client.get("/people/names?search=body%20777") == {"names": []}
        assert client.get("/people/names?search=body%2077")["names"] == ["Somebody 77"]


def test_the_names_of_people_who_were_retired_stay_theirs(me: Namer):
    first, second, *_ = me.sets()
    me.confirm("Ada", first.images)
    me.confirm("Grace", second.images)
    me.merge(1, 0)
    with pytest.raises(Conflict, match="was merged into another one"):
        me.rename(0, "Grace")
    with me.project.database.read() as session:
        rows = session.execute(
            select(ValueRow.code, ValueRow.status, ValueRow.merged_into).order_by(ValueRow.code)
        )
        identity = [tuple(row) for row in rows.all() if row.merged_into is not None]
    assert identity == [(1, "retired", 0)]
