"""Schema changes: renamed attributes, merged and split values; no label is lost and no code has two meanings."""

from pathlib import Path

import pytest
from sqlalchemy import select

from annotator.domain.names import find_name
from annotator.domain.schema import parse_schema
from annotator.domain.states import INDEPENDENT
from annotator.errors import Conflict, FacelabelError
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.models import Gold, Image, Submission
from annotator.project import ProjectFolder
from annotator.services.common.votes import read_opinions
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.review.corrections import undo_correction
from annotator.services.review.details import HistoryEntry, read_image
from annotator.services.review.filters import Filters, conditions
from annotator.services.rounds.loading import load_predictions
from annotator.services.schema.active import active_schema, read_schema
from annotator.services.schema_editing.changes import apply_schema
from annotator.services.schema_editing.file import change_schema, schema_version
from annotator.services.team.gold import make_gold
from tests.support.commands import call
from tests.support.predictions_folder import write_predictions
from tests.support.projects.images import names_of
from tests.support.projects.labelling import ALL, Person, answer_images, done_count, labels_of
from tests.support.projects.reviewing import save_correction
from tests.support.projects.schemas import (
    DEFAULT_SCHEMA,
    MERGED_VALUE,
    RENAMED_ATTRIBUTE,
    SPLIT_VALUE,
    SUNGLASSES,
)
from tests.support.projects.team import vote_on_glasses
from trainer.data.snapshot import Snapshot


def put(project: ProjectFolder, text: str) -> list[str]:
    """Apply a schema as the command does; returns what was told."""
    with project.database.write() as session:
        return [str(change) for change in apply_schema(session, parse_schema(text), labeller_id=1)]


def history(project: ProjectFolder, image: int, attribute: str = "glasses") -> list[HistoryEntry]:
    with project.database.read() as session:
        cells = {cell.attribute: cell for cell in read_image(project, session, image).cells}
        return cells[attribute].history


def test_a_merged_value_moves_its_labels_and_keeps_what_was_said(filled: ProjectFolder):
    me, [image, *_] = answer_images(filled)
    assert put(filled, MERGED_VALUE) == [
        "glasses: merge the value 2 'sunglasses' into 1 'glasses' (3 labels change)"
    ]
    assert labels_of(filled, image)["glasses"] == 1
    assert [(said.code, said.origin) for said in history(filled, image)] == [(2, "human"), (1, "schema")]
    assert done_count(filled) == 3
    assert put(filled, MERGED_VALUE) == []
    # A page that was opened before still sends the old code.
    me.answer(me.next()[0], ALL, key="late")
    assert history(filled, image)[-1].origin == "schema"
    with filled.database.read() as session:
        assert find_name(active_schema(session).schema["glasses"], "sunglasses") == 1


def test_a_split_value_opens_its_cells_and_they_come_back_to_the_queue(filled: ProjectFolder):
    me, images = answer_images(filled)
    told = put(filled, SPLIT_VALUE)
    assert told[0] == (
        "glasses: split the value 2 'sunglasses' into 3 'dark' and 4 'tinted' "
        "(3 labels open again, 3 done images are asked again)"
    )
    assert done_count(filled) == 0
    assert "glasses" not in labels_of(filled, images[0])
    assert [(said.code, said.origin) for said in history(filled, images[0])] == [
        (2, "human"),
        (None, "reopened"),
    ]
    tasks = {task.image_id: task for task in me.next(40)}
    assert [cell.attribute for cell in tasks[images[0]].cells] == ["glasses", "identity"]
    me.answer(tasks[images[0]], {"glasses": 4})
    assert done_count(filled) == 1
    with pytest.raises(FacelabelError, match="no value 2"):
        me.answer(tasks[images[1]], {"glasses": 2})


def test_an_undone_answer_leaves_nothing_of_the_change_behind(filled: ProjectFolder):
    me, [image, *_] = answer_images(filled)
    put(filled, MERGED_VALUE)
    me.undo(f"answer {image}")
    assert labels_of(filled, image) == {}


def test_an_answer_that_comes_back_follows_the_change(filled: ProjectFolder):
    me, [first, second, _] = answer_images(filled)
    for image in (first, second):
        save_correction(filled, me, image, {"glasses": 0}, f"correct {image}")
    put(filled, MERGED_VALUE)
    with filled.database.write() as session:
        undo_correction(session, me.id, "undo", first, f"correct {first}")
    assert labels_of(filled, first)["glasses"] == 1
    assert labels_of(filled, second)["glasses"] == 0


def test_a_reviewers_decision_stays_one(filled: ProjectFolder):
    me, [image, *_] = answer_images(filled)
    save_correction(filled, me, image, {"glasses": 2}, "decide", adjudicate=True)
    with filled.database.write() as session:
        make_gold(session, me.id, image)
    put(filled, MERGED_VALUE)
    assert [said.origin for said in history(filled, image)] == ["human", "review", "review"]
    with filled.database.read() as session:
        [known] = session.scalars(select(Gold.answers))
        assert [code for _, code in known] == [1]


@pytest.mark.parametrize(("text", "count"), [(MERGED_VALUE, [1, 1]), (SPLIT_VALUE, [1])])
def test_opinions_of_a_merged_value_agree_and_of_a_split_one_no_longer_count(
    filled: ProjectFolder, text: str, count: list[int]
):
    vote_on_glasses(filled, 1, 2)
    differing = Filters(attribute="glasses", differing=True)
    with filled.database.read() as session:
        assert read_image(filled, session, 5).cells[2].differing
        assert session.scalar(select(Image.id).where(*conditions(session, active_schema(session), differing)))
    put(filled, text)
    with filled.database.read() as session:
        active = active_schema(session)
        assert not read_image(filled, session, 5).cells[2].differing
        assert session.scalar(select(Image.id).where(*conditions(session, active, differing))) is None
        said = read_opinions(session, INDEPENDENT)
        of_cell = said.where((said.image == 5) & (said.attribute == active.ids["glasses"]))
        assert of_cell.code.tolist() == count


def test_a_renamed_attribute_keeps_codes_labels_and_history(filled: ProjectFolder, tmp_path: Path):
    me, [image, *_] = answer_images(filled)
    task = me.next()[0]
    assert put(filled, RENAMED_ATTRIBUTE)[0] == "rename the attribute glasses to eyewear"
    assert labels_of(filled, image)["eyewear"] == 2
    assert [said.code for said in history(filled, image, "eyewear")] == [2]
    me.answer(task, ALL)  # sent by a page that was opened before
    assert labels_of(filled, task.image_id)["eyewear"] == 2
    _, manifest = export_snapshot(filled, tmp_path / "after", SnapshotOptions(images="none"))
    assert (tmp_path / "after" / "labels.csv").read_text().startswith("image_name,wrinkles,freckles,eyewear,")
    assert manifest["counts"]["attributes"]["eyewear"] == {"2": 4}
    assert put(filled, RENAMED_ATTRIBUTE) == []


@pytest.mark.parametrize("text", [MERGED_VALUE, SPLIT_VALUE, RENAMED_ATTRIBUTE])
def test_predictions_of_a_replaced_value_do_not_suggest_and_old_snapshots_stay_readable(
    filled: ProjectFolder, tmp_path: Path, text: str
):
    answer_images(filled)
    guessed = {name: [0.1, 0.2, 0.7] for name in names_of(filled, split="train")}
    load_predictions(filled, write_predictions(filled, filled.rounds / "1" / "predictions", guessed))
    export_snapshot(filled, tmp_path / "before", SnapshotOptions(images="none"))
    put(filled, text)
    export_snapshot(filled, tmp_path / "after", SnapshotOptions(images="none"), history=True)
    assert not any(cell.suggestion for task in Person(filled).next(40) for cell in task.cells)
    before, after = Snapshot.open(tmp_path / "before"), Snapshot.open(tmp_path / "after")
    assert before.schema_hash != after.schema_hash
    assert call("verify", tmp_path / "before").code == 0
    assert call("diff", tmp_path / "before", tmp_path / "after").code == 0


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (MERGED_VALUE, DEFAULT_SCHEMA, "replacement_changed"),
        (MERGED_VALUE, SPLIT_VALUE, "replacement_changed"),
        (DEFAULT_SCHEMA.replace(SUNGLASSES, '{ code = 2, name = "sunglasses", status = "retired" }'),
         DEFAULT_SCHEMA.replace(SUNGLASSES, '{ code = 2, name = "goggles" }'), "code_reused"),
        (DEFAULT_SCHEMA, DEFAULT_SCHEMA.replace('0, name = "none" }', '0, name = "glasses" }').replace(
            '1, name = "glasses" }', '1, name = "none" }'), "name_moved"),
        (DEFAULT_SCHEMA, DEFAULT_SCHEMA.replace('name = "identity"', 'name = "who"\nwas = "identity"'), "groups_renamed"),
        (DEFAULT_SCHEMA, DEFAULT_SCHEMA.replace('1, name = "glasses" }', '1, name = "glasses", status = "retired" }').replace(
            SUNGLASSES, '{ code = 2, name = "sunglasses", replaced_by = [1] }, { code = 3, name = "other" }'), "into_retired"),
    ],
)  # fmt: skip
def test_what_would_give_a_code_another_meaning_is_refused(
    filled: ProjectFolder, before: str, after: str, code: str
):
    put(filled, before)
    with filled.database.write() as session, pytest.raises(FacelabelError) as refused:
        apply_schema(session, parse_schema(after), labeller_id=1)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("replaced_by = [9]", "replaced by 9, which does not exist"),
        ("replaced_by = [2]", "replaces itself"),
        ("replaced_by = 1", "must be a list of codes"),
        ('replaced_by = [1], status = "active"', "cannot be active"),
    ],
)
def test_a_wrong_replacement_in_the_file_is_told(value: str, told: str):
    with pytest.raises(FacelabelError, match=told):
        parse_schema(DEFAULT_SCHEMA.replace(SUNGLASSES, f'{{ code = 2, name = "sunglasses", {value} }}'))


def test_the_file_and_the_database_change_together_and_once(filled: ProjectFolder):
    answer_images(filled)
    wanted = parse_schema(SPLIT_VALUE)
    with filled.database.read() as session:
        version = schema_version(session)
    made = change_schema(filled, 1, "key", wanted, version)
    assert len(made) == 3
    assert change_schema(filled, 1, "key", wanted, version) == []
    text = filled.schema_file.read_text(encoding="utf-8")
    assert text.startswith("# What is asked of every image.")
    assert parse_schema(text) == wanted
    with filled.database.read() as session:
        assert read_schema(session) == wanted
        assert len(session.scalars(select(Submission).where(Submission.kind == "schema")).all()) == 1
    with pytest.raises(Conflict, match="Somebody else changed"):
        change_schema(filled, 1, "other", parse_schema(MERGED_VALUE), version)
    with pytest.raises(Conflict, match="was used for another"):
        change_schema(filled, 1, "key", parse_schema(RENAMED_ATTRIBUTE), version)


def test_a_file_with_unapplied_changes_is_not_overwritten(filled: ProjectFolder):
    mine = DEFAULT_SCHEMA.replace("Wrinkles", "Furrows")
    filled.schema_file.write_text(mine, encoding="utf-8")
    with filled.database.read() as session:
        version = schema_version(session)
    with pytest.raises(Conflict, match="not applied"):
        change_schema(filled, 1, "key", parse_schema(MERGED_VALUE), version)
    assert filled.schema_file.read_text(encoding="utf-8") == mine


def test_a_file_that_cannot_be_written_leaves_the_schema_as_it_was(filled: ProjectFolder):
    with filled.database.read() as session:
        version, before = schema_version(session), read_schema(session)
    filled.schema_file.unlink()
    filled.schema_file.mkdir()
    with pytest.raises((FacelabelError, OSError)):
        change_schema(filled, 1, "key", parse_schema(MERGED_VALUE), version)
    with filled.database.read() as session:
        assert (schema_version(session), read_schema(session)) == (version, before)


def test_the_command_checks_and_applies(filled: ProjectFolder):
    answer_images(filled)
    filled.schema_file.write_text(SPLIT_VALUE, encoding="utf-8")
    checked = call("schema", "check", "-p", filled.path)
    assert "split the value 2 'sunglasses'" in checked.out
    assert done_count(filled) == 3
    assert call("schema", "apply", "-p", filled.path).out == checked.out
    assert call("schema", "apply", "-p", filled.path).out == "Nothing changed.\n"
    assert done_count(filled) == 0
    shown = call("schema", "show", "--toml", "-p", filled.path)
    assert parse_schema(shown.out) == parse_schema(SPLIT_VALUE)
