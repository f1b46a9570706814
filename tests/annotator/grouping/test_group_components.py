"""Groups join images that must share a split, and later images never move earlier ones."""

from hypothesis import given
from hypothesis import strategies as st

from annotator.domain.grouping.components import Member, group_members
from annotator.domain.grouping.splits import SplitRule

KEYS = st.sampled_from([None, "video:a", "video:b", "photo:c"])
PEOPLE = st.lists(st.sampled_from(["identity:0", "identity:1", "identity:2"]), max_size=1)


@st.composite
def images(draw: st.DrawFn, *, labelled: bool = True) -> list[Member]:
    found: list[Member] = []
    for number in range(draw(st.integers(0, 25))):
        source = draw(KEYS)
        # Like the import: an image from a named source repeats no other image, and only first images are repeated.
        firsts = [m.id for m in found if m.twin_of is None]
        original = draw(st.sampled_from([None, *firsts])) if source is None else None
        people = tuple(draw(PEOPLE)) if labelled else ()
        found.append(Member(number, f"{number:064x}"[::-1], people, source, original))
    return found


@given(images(), st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=4))
def test_tied_images_are_in_one_group_and_so_in_one_split(
    members: list[Member], joins: list[tuple[int, int]]
):
    joins = [(a, b) for a, b in joins if a < len(members) and b < len(members)]
    groups = group_members(members, joins)
    rule = SplitRule(seed=3, share_test=0.3, share_val=0.3)
    split = {number: rule.split_of(group) for number, group in groups.items()}
    for one in members:
        assert one.twin_of is None or groups[one.twin_of] == groups[one.id]
        for other in members:
            if set(one.people) & set(other.people) or (one.given and one.given == other.given):
                assert groups[one.id] == groups[other.id]
                assert split[one.id] == split[other.id]
    assert all(groups[a] == groups[b] for a, b in joins)


@given(images(labelled=False), st.integers(0, 25))
def test_later_images_move_no_earlier_image(members: list[Member], before: int):
    earlier = group_members(members[:before])
    later = group_members(members)
    assert {number: later[number] for number in earlier} == earlier


@given(images())
def test_groups_are_named_after_a_person_else_a_source_else_an_image(members: list[Member]):
    groups = group_members(members)
    for member in members:
        name = groups[member.id]
        inside = [m for m in members if groups[m.id] == name]
        if any(m.people for m in inside):
            assert name.startswith("identity:")
        elif any(m.given for m in inside):
            assert name in {m.given for m in inside}
        else:
            assert name == f"image:{inside[0].sha256[:16]}"


def test_without_ties_every_image_is_alone():
    members = [Member(i, f"{i:064x}"[::-1]) for i in range(3)]
    assert len(set(group_members(members).values())) == 3
