"""An excluded image is nowhere: a table of all places that list or count images."""

import csv
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyarrow.parquet import read_table
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from annotator.domain.schema import Schema
from annotator.feature_warmup import SHARDS, FeatureWarmup
from annotator.formats.export_formats import EXPORT_FORMATS
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.models import MAX_NUMBER, AskedAgain, Gold, Image, Skip, Submission, Undecided
from annotator.project import ProjectFolder
from annotator.services.annotation.bulk import SweepSelection, find_page
from annotator.services.annotation.submit import Submitted, submit
from annotator.services.exporting.exports import export_as
from annotator.services.exporting.provenance import read_labelling
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.faces.detection import FaceSearch, read_face_progress
from annotator.services.grouping.listing import images_of_group, leak_report, list_groups
from annotator.services.grouping.split_balance import plan_balance
from annotator.services.insights.label_savings import write_selection
from annotator.services.insights.throughput import count_open_cells, suggestions_by_round
from annotator.services.people.directory import faces_of_person, list_people
from annotator.services.people.face_sets import identity_attribute
from annotator.services.review.flags import raise_flag
from annotator.services.review.waiting import images_to_review as images_waiting_for_review
from annotator.services.review.waiting import skipped_images
from annotator.services.rounds.audit_set import read_audit_set
from annotator.services.rounds.jobs import labelled_since_last_round
from annotator.services.rounds.status import audit_counts, count_labels, read_status
from annotator.services.schema.active import active_schema, read_schema
from annotator.services.schema_editing.changes import preview_changes
from annotator.services.tasks.cursor import first_unanswered
from annotator.services.tasks.overlap import images_wanting_opinions
from annotator.services.tasks.relabeling import images_to_relabel
from annotator.services.tasks.skipped import count_skipped
from annotator.services.team.aggregation import preview_aggregation
from annotator.services.team.class_balance import distributions
from annotator.services.team.gold import count_gold, list_gold
from annotator.services.team.label_noise import read_noise
from annotator.services.team.metrics import compute_team_metrics
from annotator.services.team.overview import read_team
from tests.support.face_descriptors import describe
from tests.support.projects.excluding import exclude_images, restore_images, undo_last_exclusion
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person, lapse_leases
from tests.support.projects.naming import Namer
from tests.support.projects.reviewing import images_to_review, names_in_view
from tests.support.projects.round_results import add_finished_round, write_label_issues
from tests.support.projects.team import make_gold_images, set_team_settings

DONE = 24
"""The first images by name are done, the others open."""


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, _filled: Path) -> Iterator[ProjectFolder]:
    """A project in which every list and metric has something of the images at even and at odd places.

    All tests of this file share it: each of them restores what it excluded.
    """
    folder = tmp_path_factory.mktemp("busy") / "project"
    shutil.copytree(_filled, folder)
    made = ProjectFolder.open(folder)
    _fill(made)
    yield made
    made.database.close()


def _fill(project: ProjectFolder) -> None:
    names = names_of(project)
    me, eva, ids = Person(project), Person(project, "eva"), {n: image_of(project, n) for n in names}
    describe(project, {name: place % 2 for place, name in enumerate(names) if place >= 20})
    add_finished_round(project, names[-1])
    for place, name in enumerate(names[:DONE]):
        answer(me, ids[name], ALL | {"identity": f"person {place % 4}"}, accepted=frozenset({"glasses"}))
        if place < 16:
            answer(eva, ids[name], ALL | {"glasses": 1})
    make_gold_images(project, *(ids[name] for name in names[16:20]))
    with project.database.write() as session:
        for place, name in enumerate(names):
            split = "test" if place < 8 or DONE <= place < 28 else "train"
            shuffle = place if place % 4 < 2 else 2**55 + place  # the first half of each four is overlapped
            source = "video:1" if DONE <= place < 32 else None
            values = {"split": split, "shuffle": shuffle, "perceptual_hash": 0, "given_group": source}
            session.execute(update(Image).where(Image.name == name).values(values))
            if place >= DONE:
                session.add(Skip(image_id=ids[name], labeller_id=me.id))
            raise_flag(session, me.id, f"flag {name}", ids[name], "look")
        session.execute(update(Submission).values(drawn=0.5))
        newest, glasses = (
            session.scalar(select(func.max(Submission.id))),
            active_schema(session).ids["glasses"],
        )
        cells = [{"image_id": ids[name], "attribute_id": glasses} for name in names[8:DONE]]
        session.execute(insert(AskedAgain), [cell | {"code": 2, "submission_id": newest} for cell in cells])
        session.execute(insert(Undecided), [cell | {"sureness": 0.5} for cell in cells[:8]])
    set_team_settings(project, overlap_share=0.5, overlap_opinions=3)
    write_label_issues(project, names[:DONE], number=2)


def answer(person: Person, image: int, values: dict, **more: object) -> None:
    with person.project.database.write() as session:
        submit(session, person.id, Submitted(f"{person.id} {image}", image, None, values, **more))


# ---- the places that list images

Listed = Callable[[ProjectFolder, Session], Collection[int] | Collection[str]]


def _queue(project: ProjectFolder, _: Session) -> list[str]:
    tasks = Person(project, "bob").next(40)
    lapse_leases(project)
    return [task.image_name for task in tasks]


def _in_files(project: ProjectFolder, folder: Path) -> set[str]:
    """The names of images that occur in a folder: in texts, in tables, or as names of files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    texts = [str(read_table(path).to_pydict()) for path in files if path.suffix == ".parquet"]
    content = b"\n".join([*(path.read_bytes() for path in files), *(text.encode() for text in texts)])
    found = {path.name for path in files}
    return {name for name in names_of(project) if name in found or name.encode() in content}


def _export(form: str) -> Listed:
    def listed(project: ProjectFolder, _: Session) -> set[str]:
        report = export_as(project, form, images="none" if EXPORT_FORMATS[form].images == "none" else None)
        return _in_files(project, Path(report.path))

    return listed


def _snapshot(file: str) -> Listed:
    def listed(project: ProjectFolder, _: Session) -> set[str]:
        folder, _manifest = export_snapshot(project, None, SnapshotOptions(), history=True)
        with (folder / file).open(newline="", encoding="utf-8") as rows:
            return {row["image_name"] for row in csv.DictReader(rows)}

    return listed


def _round_snapshot(project: ProjectFolder, _: Session) -> set[str]:
    folder = project.exports / f"round {len(list(project.exports.glob('*')))}"
    folder.parent.mkdir(exist_ok=True)
    RoundSnapshots(project).write(folder)
    return _in_files(project, folder)


def _selection(project: ProjectFolder, session: Session) -> set[str]:
    file = project.path / "selection.csv"
    write_selection(session, file)
    with file.open(newline="", encoding="utf-8") as rows:
        return {row["image_name"] for row in csv.DictReader(rows)}


def _people(project: ProjectFolder, session: Session) -> set[int]:
    attribute, _ = identity_attribute(session)
    people, _ = list_people(session, limit=100)
    return {
        card.image.id for person in people for card in faces_of_person(session, attribute, person.code, 100)
    }


def _groups(project: ProjectFolder, session: Session) -> set[int]:
    groups, _ = list_groups(session)
    return {image.id for group in groups for image in images_of_group(session, group.key)}


def _sweep(value: int | None) -> Listed:
    def listed(project: ProjectFolder, session: Session) -> list[int]:
        return find_page(project, session, Person(project, "bob").id, SweepSelection("glasses", value), 40)

    return listed


LISTS: dict[str, Listed] = {
    "the queue": _queue,
    "a sweep in the order of the queue": _sweep(None),
    "a sweep of a predicted value": _sweep(0),
    "gold images to answer": lambda p, s: first_unanswered(s, Gold, Person(p, "bob").id, 40),
    "images that want opinions": lambda p, s: images_wanting_opinions(s, Person(p, "bob").id, 40),
    "images asked again": lambda p, s: images_to_relabel(s, Person(p, "bob").id, 40),
    "review: flags": lambda p, _: images_to_review(p, "flags"),
    "review: opinions": lambda p, _: images_to_review(p, "opinions"),
    "review: undecided": lambda p, _: images_to_review(p, "undecided"),
    "review: the model disagrees": lambda p, _: images_to_review(p, "model"),
    "browse without excluded images": lambda p, _: names_in_view(p, excluded="without"),
    "gold images": lambda _, s: [name for name, _ in list_gold(s)],
    "sets of unnamed faces": lambda p, _: {image for found in Namer(p).sets() for image in found.images},
    "faces of people": _people,
    "images of groups": _groups,
    "leaks between splits": lambda _, s: {
        x.id for leak in leak_report(s, 2000).leaks for x in (leak.first, leak.second)
    },
    "the audit set": lambda p, s: [name for name, _ in read_audit_set(s, active_schema(s)).images],
    "the first draws of answered images": _selection,
    "images to search for faces": lambda p, _: {
        image.id for _, images in FaceSearch(p)._work() for image in images
    },
    "images whose features are computed in advance": lambda p, _: {
        i.id for shard in range(SHARDS) for i in FeatureWarmup(p, faces=False)._next(shard, MAX_NUMBER)
    },
    "a snapshot's labels": _snapshot("labels.csv"),
    "a snapshot's images": _snapshot("images.csv"),
    "a snapshot's faces": _snapshot("faces.csv"),
    "a snapshot's history": _snapshot("annotations.csv"),
    "the snapshot of a round": _round_snapshot,
    **{f"an export as {form}": _export(form) for form in EXPORT_FORMATS},
}


@pytest.mark.parametrize("place", LISTS)
def test_a_list_has_no_excluded_image(busy: ProjectFolder, place: str):
    def listed() -> set[str]:
        with busy.database.read() as session:
            found = LISTS[place](busy, session)
            by_id = dict(session.execute(select(Image.id, Image.name)).all())
        return {by_id.get(entry, entry) for entry in found}

    before, excluded = listed(), set(names_of(busy)[::2])
    assert before & excluded
    assert before - excluded
    exclude_images(busy, *_ids(busy, excluded))
    assert listed() == before - excluded
    undo_last_exclusion(busy)
    assert listed() == before


def _ids(project: ProjectFolder, names: Collection[str]) -> list[int]:
    with project.database.read() as session:
        return list(session.scalars(select(Image.id).where(Image.name.in_(names))))


# ---- the places that count images


def _numbers(value: object) -> Iterator[int]:
    """All whole numbers in nested dicts and lists."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple | set):
        for entry in value:
            yield from _numbers(entry)
    elif isinstance(value, int):
        yield value


def _with_one_more_attribute(session: Session) -> Schema:
    schema = read_schema(session)
    more = replace(schema.attributes[0], name="smile", title="Smile", key="z", spellings=())
    return replace(schema, attributes=(*schema.attributes, more))


Counted = Callable[[ProjectFolder, Session], object]

COUNTS: dict[str, Counted] = {
    "status": lambda p, s: [read_status(p, s)[name] for name in ("images", "done", "open", "splits")],
    "labels by value": lambda _, s: {name: entry["labelled"] for name, entry in count_labels(s).items()},
    "labels of the audit set": lambda _, s: audit_counts(s),
    "skipped images": lambda p, s: [skipped_images(s, Person(p).id).images, count_skipped(s, Person(p).id)],
    "images to review": lambda p, s: images_waiting_for_review(p, s).images,
    "open cells": lambda _, s: count_open_cells(s),
    "labels by split": lambda _, s: [d.labelled for d in distributions(s).values()],
    "accepted suggestions": lambda p, s: [
        x.accepted for x in suggestions_by_round(s, active_schema(s)).values()
    ],
    "answers of a team": lambda _, s: [
        m.answers + m.images for m in compute_team_metrics(s).labellers.values()
    ],
    "agreement": lambda _, s: [a.images for a in compute_team_metrics(s).attributes],
    "answers to gold": lambda _, s: [a.gold.trials for a in compute_team_metrics(s).attributes if a.gold],
    "labels asked again": lambda p, s: [noise.again.asked for noise in read_noise(p, s)],
    "gold images": lambda _, s: count_gold(s),
    "the team's lists": lambda p, s: [
        read_team(p, s, Person(p).id).gold,
        read_team(p, s, Person(p).id).wanted,
    ],
    "aggregation": lambda _, s: preview_aggregation(s).cells,
    "images answered since the last round": lambda _, s: labelled_since_last_round(s),
    "people": lambda _, s: [person.images for person in list_people(s, limit=100)[0]],
    "groups": lambda _, s: [group.images for group in list_groups(s)[0]],
    "searched faces": lambda p, s: [
        read_face_progress(s).images,
        read_face_progress(s).seen,
        read_face_progress(s).with_face,
    ],
    "done images that a schema would ask again": lambda _, s: [
        c.images for c in preview_changes(s, _with_one_more_attribute(s))
    ],
    "a card's origins": lambda _, s: read_labelling(s).origins,
}


@pytest.mark.parametrize("place", COUNTS)
def test_a_count_counts_no_excluded_image(busy: ProjectFolder, place: str):
    def count() -> int:
        with busy.database.read() as session:
            return sum(_numbers(COUNTS[place](busy, session)))

    before, names = count(), names_of(busy)
    assert before > 0
    exclude_images(busy, *_ids(busy, names[::2]))
    assert 0 < count() < before
    exclude_images(busy, *_ids(busy, names[1::2]))
    assert count() == 0
    restore_images(busy, *_ids(busy, names))
    assert count() == before


def test_a_balanced_split_counts_no_excluded_image(busy: ProjectFolder):
    def images() -> int:
        with busy.database.read() as session:
            return sum(
                held.images for spread in plan_balance(session).values[:1] for held in spread.now.values()
            )

    assert images() == 40
    exclude_images(busy, *_ids(busy, names_of(busy)[::2]))
    assert images() == 20
    undo_last_exclusion(busy)
