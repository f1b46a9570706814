"""Near-duplicates, sources, people and decisions form groups; groups never leak between splits."""

from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from annotator.errors import FacelabelError
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.models import Image, ImageGroup, Labeller
from annotator.project import ProjectFolder
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.grouping.listing import (
    decide,
    images_of_group,
    leak_report,
    list_groups,
    undo_group_decision,
)
from annotator.services.grouping.rebuild import settle_groups
from annotator.services.review.corrections import Correction, correct
from tests.support.commands import call
from tests.support.projects.grouping import groups_and_splits, search_near_duplicates


def ids(project: ProjectFolder) -> dict[str, int]:
    with project.database.read() as session:
        return dict(session.execute(select(Image.name, Image.id)).all())


def name_somebody(project: ProjectFolder, image: int, person: str | None, key: str) -> None:
    with project.database.write() as session:
        me = session.scalars(select(Labeller.id)).first()
        correct(session, me, Correction(key, image, {"identity": person}))


def settled(project: ProjectFolder) -> dict[str, tuple[str, str]]:
    with project.database.write() as session:
        settle_groups(session)
    return groups_and_splits(project)


def test_copies_join_the_first_image_and_do_not_move_it(doubled: ProjectFolder):
    before = groups_and_splits(doubled)
    assert search_near_duplicates(doubled) == 3
    after = groups_and_splits(doubled)
    for name in ("0001.jpg", "0002.jpg", "0003.jpg"):
        assert after[name] == after[f"copy-{name}"] == before[name]
    assert {n: g for n, g in after.items() if not n.startswith("copy-")} == {
        n: g for n, g in before.items() if not n.startswith("copy-")
    }
    assert search_near_duplicates(doubled) == 3, "looking again changes nothing"
    assert groups_and_splits(doubled) == after


def test_a_person_named_on_a_copy_moves_the_first_image_and_undo_moves_it_back(doubled: ProjectFolder):
    search_near_duplicates(doubled)
    before, number = groups_and_splits(doubled), ids(doubled)
    name_somebody(doubled, number["copy-0002.jpg"], "Ada", "a")
    after = settled(doubled)
    assert after["0002.jpg"] == after["copy-0002.jpg"]
    assert after["0002.jpg"][0] == "identity:0"
    name_somebody(doubled, number["0002.jpg"], None, "b")
    assert groups_and_splits(doubled)["0002.jpg"][0] == "identity:0", "can't tell says nothing against it"
    name_somebody(doubled, number["copy-0002.jpg"], None, "c")
    assert settled(doubled) == before


def test_a_snapshot_is_written_with_rebuilt_groups(doubled: ProjectFolder, tmp_path: Path):
    search_near_duplicates(doubled)
    name_somebody(doubled, ids(doubled)["0001.jpg"], "Ada", "a")
    export_snapshot(doubled, tmp_path / "s", SnapshotOptions())
    rows = (tmp_path / "s" / "images.csv").read_text().splitlines()
    assert sum(",identity:0," in row for row in rows) == 2


def test_cut_images_are_apart_and_joined_images_together_until_undone(doubled: ProjectFolder):
    before = groups_and_splits(doubled)
    search_near_duplicates(doubled)
    number = ids(doubled)
    with doubled.database.write() as session:
        me = session.scalars(select(Labeller.id)).first()
        cut = decide(session, me, "k1", "cut", number["0001.jpg"], number["copy-0001.jpg"])
        join = decide(session, me, "k2", "join", number["0005.jpg"], number["0006.jpg"])
        assert decide(session, me, "k2", "join", number["0005.jpg"], number["0006.jpg"]).id == join.id
        cut_id, join_id = cut.id, join.id
        with pytest.raises(FacelabelError, match="another decision"):
            decide(session, me, "k2", "cut", number["0005.jpg"], number["0006.jpg"])
        with pytest.raises(FacelabelError, match="two images"):
            decide(session, me, "k3", "join", number["0005.jpg"], number["0005.jpg"])
    search_near_duplicates(doubled)
    now = groups_and_splits(doubled)
    assert now["copy-0001.jpg"] == before["copy-0001.jpg"]
    assert now["0005.jpg"] == now["0006.jpg"] == before["0005.jpg"]
    with doubled.database.write() as session:
        undo_group_decision(session, cut_id)
        undo_group_decision(session, join_id)
    search_near_duplicates(doubled)
    assert groups_and_splits(doubled)["copy-0001.jpg"] == before["0001.jpg"]
    assert groups_and_splits(doubled)["0006.jpg"] == before["0006.jpg"]


def test_an_image_without_its_view_repeats_nothing_and_the_search_continues(doubled: ProjectFolder):
    for view in sorted(doubled.stores.views.local_root.rglob("*.jpg"))[:4]:
        view.unlink()
    kept = len(list(doubled.stores.views.local_root.rglob("*.jpg")))
    assert search_near_duplicates(doubled) <= kept // 2
    with doubled.database.read() as session:
        hashes = list(session.scalars(select(Image.perceptual_hash)))
    assert len(hashes) == 9
    assert None not in hashes


def test_groups_are_listed_largest_first(doubled: ProjectFolder):
    search_near_duplicates(doubled)
    number = ids(doubled)
    for name in ("0001.jpg", "0002.jpg"):
        name_somebody(doubled, number[name], "Ada", name)
    settled(doubled)
    with doubled.database.read() as session:
        found, total = list_groups(session)
        assert (found[0].key, found[0].images) == ("identity:0", 4)
        assert total == len(found) == 2
        assert {i.name for i in images_of_group(session, "identity:0")} == {
            "0001.jpg",
            "copy-0001.jpg",
            "0002.jpg",
            "copy-0002.jpg",
        }
        with pytest.raises(FacelabelError, match="no group"):
            images_of_group(session, "identity:9")


def test_the_sizes_of_groups_are_right_after_every_kind_of_move(doubled: ProjectFolder):
    def kept() -> list[tuple[str, int]]:
        with doubled.database.read() as session:
            counted = session.execute(select(Image.group, func.count()).group_by(Image.group)).all()
            assert {row.key: row.images for row in session.scalars(select(ImageGroup))} == dict(counted)
        return sorted(counted)

    imported = kept()
    search_near_duplicates(doubled)
    assert kept() != imported
    number = ids(doubled)
    for name in ("0001.jpg", "0002.jpg"):
        name_somebody(doubled, number[name], "Ada", name)
    named = kept()
    settled(doubled)
    assert kept() != named
    with doubled.database.write() as session:
        session.delete(session.get_one(Image, number["0005.jpg"]))
    assert sum(images for _, images in kept()) == 8


def test_the_leak_report_is_empty_unless_groups_are_ignored(doubled: ProjectFolder):
    search_near_duplicates(doubled)
    with doubled.database.read() as session:
        found = leak_report(session)
        assert (found.groups, found.leaks) == ([], [])
    with doubled.database.write() as session:  # as if nobody had looked for copies
        session.execute(
            update(Image).where(Image.name.startswith("copy-")).values(split="test", twin_of=None)
        )
        session.execute(update(Image).where(~Image.name.startswith("copy-")).values(split="train"))
    with doubled.database.read() as session:
        found = leak_report(session)
    assert {(leak.first.name, leak.second.name) for leak in found.leaks} == {
        (name, f"copy-{name}") for name in ("0001.jpg", "0002.jpg", "0003.jpg")
    }
    assert len(found.groups) == 3


def test_labels_are_imported_into_a_project_without_grouping_attributes(faces: Path, tmp_path: Path):
    (tmp_path / "asked.toml").write_text(
        'version = 1\n\n[[attribute]]\nname = "smile"\nkey = "s"\n'
        'values = [{ code = 0, name = "no" }, { code = 1, name = "yes" }]\n',
        encoding="utf-8",
    )
    call("init", "--schema", tmp_path / "asked.toml", "-p", tmp_path / "new").assert_done()
    call("import", faces / "0001.jpg", "-p", tmp_path / "new").assert_done()
    (tmp_path / "labels.csv").write_text("image_name,smile\n0001.jpg,yes\n", encoding="utf-8")
    call("import", tmp_path / "labels.csv", "-p", tmp_path / "new").assert_done()
    call("groups", "-p", tmp_path / "new").assert_done()
