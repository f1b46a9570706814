"""People: sets of faces to confirm, new names, merges; every step in the history, and every step taken back."""

import secrets

import pytest
from sqlalchemy import select

from annotator.errors import Conflict, FacelabelError, NotFound, WrongUse
from annotator.formats.snapshot import SnapshotOptions
from annotator.models import Annotation, AttributeRow, Image, Project, ValueRow
from annotator.project import ProjectFolder
from annotator.services.face_index import face_index
from annotator.services.groups import regroup_all
from annotator.services.image_details import read_image
from annotator.services.people_answers import Confirmation, Confirmed, confirm
from annotator.services.people_changes import history_of, merge, rename, undo_about_people
from annotator.services.people_list import Listed, complete_name, list_people
from annotator.services.people_sets import FaceSet, FoundSets, find_sets, identity_attribute, resembling
from annotator.services.snapshots import export_snapshot
from tests.annotator.test_labels import Person, labels_of
from tests.annotator.test_queue import names_of
from tests.described import add_people, describe
from tests.serving import Server

SIZES = (9, 7, 5, 3, 1)
"""Faces of each person, the largest first."""


class Namer(Person):
    """A labeller who says who is who."""

    def look(self, count: int = 10, **more: object) -> FoundSets:
        with self.project.database.read() as session:
            found = find_sets(self.project, session, self.id, count=count, **more)
        if found.computing and not found.sets:  # read in a thread of its own
            return self.look(count, **more)
        return found

    def sets(self, **more: object) -> list[FaceSet]:
        return self.look(**more).sets

    def confirm(
        self, person: int | str | None, images: list[int], *exceptions: int, key: str = "", **more: object
    ) -> Confirmed:
        given = Confirmation(key or secrets.token_hex(8), person, tuple(images), exceptions, **more)
        with self.project.database.write() as session:
            return confirm(session, self.id, given)

    def rename(self, code: int, name: str, key: str = "") -> str:
        with self.project.database.write() as session:
            return rename(session, self.id, key or secrets.token_hex(8), code, name).name

    def merge(self, code: int, into: int, key: str = "") -> int:
        with self.project.database.write() as session:
            return merge(session, self.id, key or secrets.token_hex(8), code, into)

    def undo(self, key: str | None = None, own_key: str = "") -> tuple[str, list[int]]:  # type: ignore[override]
        with self.project.database.write() as session:
            target, images = undo_about_people(session, self.id, own_key or secrets.token_hex(8), key)
            return target.kind, images

    def people(self, **more: object) -> dict[str, Listed]:
        with self.project.database.read() as session:
            found, _ = list_people(session, limit=100, **more)
        return {person.name: person for person in found}


@pytest.fixture
def me(filled: ProjectFolder) -> Namer:
    """Of 40 images 25 with a described face: of five people."""
    names = iter(names_of(filled))
    describe(filled, {next(names): person for person, size in enumerate(SIZES) for _ in range(size)})
    return Namer(filled)


def identities(project: ProjectFolder) -> dict[int, int | None]:
    with project.database.read() as session:
        images = list(session.scalars(select(Image.id)))
    labels = {image: labels_of(project, image) for image in images}
    return {image: found["identity"] for image, found in labels.items() if "identity" in found}


def groups_of(project: ProjectFolder, images: list[int]) -> set[str]:
    with project.database.read() as session:
        return set(session.scalars(select(Image.group).where(Image.id.in_(images))))


def test_without_any_name_faces_of_one_person_are_a_set_the_largest_first(me: Namer):
    found = me.look()
    assert [len(one.images) for one in found.sets] == [one.size for one in found.sets] == list(SIZES)
    assert (found.unnamed, found.described) == (25, 25)
    assert all(one.people == [] and not one.proposed for one in found.sets)
    largest = found.sets[0]
    assert largest.distances == sorted(largest.distances, reverse=True)


def test_confirming_names_all_but_the_exceptions_and_groups_them(me: Namer, tmp_path):
    images = me.sets()[0].images
    kept = me.confirm("Ada", images[1:], images[0])
    assert (kept.code, kept.name, kept.answered, kept.opinions) == (0, "Ada", 8, [])
    assert identities(me.project) == dict.fromkeys(images[1:], 0)
    assert groups_of(me.project, images[1:]) == {"identity:0"}
    with me.project.database.read() as session:
        assert len(set(session.scalars(select(Image.split).where(Image.id.in_(images[1:]))))) == 1
    export_snapshot(me.project, tmp_path / "s", SnapshotOptions(names=True))
    assert (tmp_path / "s" / "labels.csv").read_text().count(",Ada\n") == 8


def test_an_exception_is_not_proposed_as_that_person_again(me: Namer):
    images = me.sets()[0].images
    me.confirm("Ada", images[2:6], images[0])
    proposed = next(one for one in me.sets() if one.proposed)
    assert sorted(proposed.images) == sorted({*images} - {*images[2:6], images[0]})
    alone = next(one for one in me.sets() if images[0] in one.images)
    assert alone.images == [images[0]]
    assert [person.name for person in alone.people] == []


def test_the_nearest_named_people_are_suggested_with_their_distance(me: Namer):
    for name, one in zip(("Ada", "Grace"), me.sets(), strict=False):
        me.confirm(name, one.images[1:])
    first, second, *_ = [one for one in me.sets() if one.proposed]
    assert {first.people[0].name, second.people[0].name} == {"Ada", "Grace"}
    assert first.people[0].distance < 0.4 < first.people[1].distance
    assert me.confirm(first.people[0].code, first.images, accepted=True).name == first.people[0].name


def test_the_same_key_again_changes_nothing(me: Namer):
    images = me.sets()[0].images
    first = me.confirm("Ada", images, key="one")
    assert me.confirm("Ada", images, key="one") == first
    with pytest.raises(Conflict, match="used for another request"):
        me.confirm("Grace", images, key="one")
    with me.project.database.read() as session:
        assert len(list(session.scalars(select(Annotation)))) == len(images)


def test_undo_brings_the_set_back_with_its_exceptions(me: Namer):
    images = me.sets()[0].images
    me.confirm("Ada", images[1:], images[0])
    assert me.undo(own_key="u") == ("people", sorted(images[1:]))
    assert me.undo(own_key="u") == ("people", sorted(images[1:]))
    assert identities(me.project) == {}
    assert sorted(me.sets()[0].images) == sorted(images)
    assert not groups_of(me.project, images) & {"identity:0"}
    with pytest.raises(NotFound):
        me.undo()


def test_cannot_tell_and_unknown_person_are_answers_but_nobody(me: Namer):
    largest, second, *_ = me.sets()
    me.confirm("Ada", [], unsure=tuple(largest.images[:2]), unknown=tuple(largest.images[2:4]))
    me.confirm("Ada", second.images[1:])
    assert len(groups_of(me.project, largest.images[:4])) == 4
    found = me.look()
    assert found.unnamed == 25 - 2 - 2 - 6
    assert {person.name for one in found.sets for person in one.people} == {"Ada"}
    assert set(me.people()) == {"Ada"}


def test_one_submission_says_everything_about_a_set(me: Namer):
    one, other, third, fourth, *rest = me.sets()[0].images
    kept = me.confirm("Ada", rest, other, unsure=(third,), unknown=(fourth, one))
    assert (kept.name, kept.answered) == ("Ada", 8)
    found = identities(me.project)
    assert found[third] is None
    assert found[fourth] == found[one] != kept.code
    assert other not in found
    me.undo()
    assert identities(me.project) == {}


def test_a_person_without_a_name_gets_a_number(me: Namer):
    first, second, *_ = me.sets()
    assert me.confirm(None, first.images, key="a").name == "Person 1"
    assert me.confirm(None, second.images).name != "Person 1"
    assert me.confirm(None, first.images, key="a").name == "Person 1"


def test_that_nobody_in_a_set_is_the_proposed_person_is_remembered(me: Namer):
    images = me.sets()[0].images
    me.confirm("Ada", images[5:])
    [proposed] = [one for one in me.sets() if one.proposed]
    me.confirm(0, [], *proposed.images)
    assert not any(one.proposed for one in me.sets())
    assert me.undo() == ("people", [])
    assert any(one.proposed for one in me.sets())


def test_the_set_on_the_screen_hears_of_people_named_meanwhile(me: Namer):
    images = me.sets()[0].images
    me.confirm("Ada", images[5:])
    found = me.look(showing=images[:5])
    assert ([person.name for person in found.people], found.proposed) == (["Ada"], True)
    assert not {*images} & {image for one in found.sets for image in one.images}


def test_a_regrouping_of_all_images_leaves_unknown_people_apart(me: Namer):
    images = me.sets()[0].images
    me.confirm("unknown person", images[:4])
    me.confirm("Ada", images[4:])
    with me.project.database.write() as session:
        regroup_all(session)
    assert len(groups_of(me.project, images[:4])) == 4
    assert groups_of(me.project, images[4:]) == {"identity:0"} or groups_of(me.project, images[4:]) == {
        "identity:1"
    }


def test_somebody_elses_answer_stands(me: Namer):
    images = me.sets()[0].images
    other = Namer(me.project, "Grace")
    other.confirm("Hedy", images[:1])
    kept = me.confirm("Ada", images)
    assert kept.opinions == images[:1]
    assert identities(me.project)[images[0]] == 0
    assert set(identities(me.project).values()) == {0, 1}


def test_two_labellers_look_at_different_faces(me: Namer):
    mine = me.sets(count=2)
    other = Namer(me.project, "Grace").sets(count=2)
    seen = [image for one in (*mine, *other) for image in one.images]
    assert len(seen) == len(set(seen)) == 9 + 7 + 5 + 3
    assert [len(one.images) for one in me.sets(holding=mine[0].images)] == [7, 1]


def test_skipped_faces_do_not_come_again(me: Namer):
    first = me.sets()[0]
    assert [len(one.images) for one in me.sets(without=first.images)] == list(SIZES[1:])


def test_answers_of_the_label_page_count_at_once(me: Namer):
    images = me.sets()[0].images
    [task] = [task for task in me.next(40) if task.image_id == images[0]]
    me.answer(task, {"identity": "Ada"})
    proposed = me.sets()[0]
    assert (proposed.proposed, proposed.people[0].name) == (True, "Ada")
    assert sorted(proposed.images) == sorted(images[1:])


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


def test_what_cannot_be_a_set_is_refused(me: Namer):
    images = me.sets()[0].images
    for given in ((), (images[0], images[0])):
        with pytest.raises(WrongUse):
            me.confirm("Ada", list(given))
    with pytest.raises(WrongUse):
        me.confirm("Ada", images[:2], images[0])
    with pytest.raises(NotFound):
        me.confirm("Ada", [10**6])
    with pytest.raises(FacelabelError, match="no person with the code"):
        me.confirm(5, images)
    assert identities(me.project) == {}


def test_a_schema_without_people_says_what_to_add(filled: ProjectFolder):
    with filled.database.write() as session:
        session.scalars(select(AttributeRow).where(AttributeRow.name == "identity")).one().groups = False
        session.scalars(select(Project)).one().schema_version += 1
    with pytest.raises(FacelabelError, match="no attribute that says who") as raised:
        Namer(filled).look()
    assert 'kind = "open"' in raised.value.do


def test_new_faces_are_found_when_the_index_is_read_again(me: Namer):
    assert me.look().described == 25
    describe(me.project, {names_of(me.project)[30]: 0})
    with me.project.database.read() as session:
        index = face_index(me.project.database, identity_attribute(session)[0])
        with index.lock:
            index._rested = 0.0
            index.look(session)
        index.wait()
    found = me.look()
    assert found.described == 26
    assert found.sets[0].size == 10


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
