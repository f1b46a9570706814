"""Sets of faces that look like one person: confirmed, skipped and undone, with and without known people."""

import pytest
from sqlalchemy import select

from annotator.errors import Conflict, FacelabelError, NotFound, WrongUse
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.models import Annotation, AttributeRow, Image, Project
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.faces.index import face_index
from annotator.services.grouping.rebuild import regroup_all
from annotator.services.people.face_sets import identity_attribute
from tests.support.face_descriptors import describe
from tests.support.projects.images import names_of
from tests.support.projects.naming import SIZES, Namer, describe_five, groups_of, identities


@pytest.fixture
def me(filled: ProjectFolder) -> Namer:
    """Of 40 images 25 with a described face: of five people."""
    return describe_five(filled)


def test_without_names_the_faces_of_one_person_form_a_set_largest_first(me: Namer):
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
