"""Cells that a model filled in snapshots and exports: listed, verified, told from answers, and left out on request."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, update

from annotator.domain.certificates.basis import basis_json, decide_again
from annotator.domain.certificates.decision import Sample
from annotator.domain.certificates.target import Target
from annotator.domain.schema import canonical_json
from annotator.domain.states import CertificateState
from annotator.errors import FacelabelError
from annotator.formats.snapshot.manifest import hash_manifest
from annotator.formats.snapshot.writer import SnapshotOptions, content_hash, verify_snapshot
from annotator.models import (
    AttributeRow,
    Certificate,
    CertificateCell,
    Image,
    Label,
    Predictions,
    now,
)
from annotator.project import ProjectFolder
from annotator.services.certificates.undo import undo_certificate
from annotator.services.common.progress import recount
from annotator.services.exporting.exports import export_as
from annotator.services.exporting.label_files import write_labels
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.schema.active import active_schema
from tests.support.commands import call
from tests.support.projects.certificates import cells_of, certifiable, status_of, truth_of
from tests.support.projects.certificates import fill as fill_certified
from tests.support.projects.labelling import ALL, Person
from trainer.data.snapshot import Snapshot

TARGET = Target(error=0.25, recall=None)
ASKED = 20
"""Cells of the acceptance sample, which were all right."""


def fill(
    project: ProjectFolder, attribute: str, code: int, probability: float = 0.987654321, leave: int = 0
) -> list[str]:
    """Fill the open cells of an attribute with one value, but for the last `leave` ones; returns the images' names."""
    with project.database.write() as session:
        active = active_schema(session)
        number = active.ids[attribute]
        labelled = select(Label.image_id).where(Label.attribute_id == number)
        open_ = session.execute(
            select(Image.id, Image.name).where(Image.id.not_in(labelled)).order_by(Image.name)
        ).all()
        chosen = open_[: len(open_) - leave]
        codes = [value.code for value in active.schema[attribute].values]
        place = codes.index(code)
        population = np.zeros((1, len(codes)), np.int64)
        population[0, place] = len(chosen) + ASKED
        right = np.full(ASKED, place)
        images = len(open_) + session.query(Label).where(Label.attribute_id == number).count()
        sample = Sample(np.ones(ASKED, np.int64), right, right)
        basis = basis_json(codes, population, sample, np.zeros(len(codes), np.int64), images)
        decision = decide_again(basis, TARGET, 1)
        assert decision.level == 1
        predictions = Predictions(
            path=f"rounds/{attribute}", content_hash="f" * 64, schema_hash=active.hash, rows=images, unknown=0,
            cursor=0, loaded_at=now(),
        )  # fmt: skip
        session.add(predictions)
        session.flush()
        certificate = Certificate(
            key=attribute, attribute_id=number, state=CertificateState.FILLED, attempt=1,
            predictions_id=predictions.id, schema_hash=active.hash, target=TARGET.to_json(), plan={"sample": ASKED},
            outcome=decision.to_json() | {"basis": basis}, seed=7, covered_to=max(i for i, _ in open_),
            labeller_id=1, created_at=now(), drawn_at=now(), decided_at=now(),
        )  # fmt: skip
        session.add(certificate)
        session.flush()
        session.add_all(
            CertificateCell(
                certificate_id=certificate.id, image_id=image, level=1, code=code, probability=probability
            )
            for image, _ in chosen
        )
        is_required = session.scalars(select(AttributeRow.required).where(AttributeRow.id == number)).one()
        if is_required:
            ids = [image for image, _ in chosen]
            covered = update(Image).where(Image.id.in_(ids)).values(open_cells=Image.open_cells - 1)
            session.execute(covered, execution_options={"synchronize_session": False})
            recount(session)
        return [name for _, name in chosen]


@pytest.fixture
def project(filled: ProjectFolder) -> ProjectFolder:
    """Six of 40 images are answered; the model filled glasses of all but two others, and wrinkles of the rest."""
    me = Person(filled)
    for task in me.next(6):
        me.answer(task, ALL)
    fill(filled, "glasses", 0, leave=2)
    fill(filled, "wrinkles", 1, probability=0.75)
    return filled


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}


def test_a_snapshot_lists_its_filled_cells_and_their_certificates(project: ProjectFolder, tmp_path: Path):
    folder, manifest = export_snapshot(project, tmp_path / "s", SnapshotOptions())
    assert {"filled.csv", "certificates.json"} <= manifest["files"].keys()
    labels = {row["image_name"]: row for row in table(folder / "labels.csv")}
    rows = table(folder / "filled.csv")
    assert len(rows) == 32 + 34
    assert [row["image_name"] for row in rows] == sorted(row["image_name"] for row in rows)
    assert [row["attribute"] for row in rows[:2]] == ["wrinkles", "glasses"], "schema order within an image"
    assert all(labels[row["image_name"]][row["attribute"]] == row["code"] for row in rows)
    assert {row["certificate"] for row in rows} == {"glasses:1", "wrinkles:1"}
    assert {row["probability"] for row in rows} == {"0.987654", "0.750000"}
    text = (folder / "certificates.json").read_text()
    certificates = json.loads(text)["certificates"]
    assert [one["name"] for one in certificates] == ["wrinkles:1", "glasses:1"]
    assert certificates[1]["filled"] == {"0": 32}
    assert certificates[1]["outcome"]["level"] == 1
    assert "created" not in text
    assert "2026" not in text
    assert manifest["counts"]["attributes"]["glasses"] == {"2": 6, "0": 32}
    verify_snapshot(folder)
    again, _ = export_snapshot(project, tmp_path / "again", SnapshotOptions())
    assert files(again) == files(folder)
    card = (folder / "card.md").read_text()
    assert "Glasses: 32 of 40 values were filled by the model" in card
    assert "with 95 % confidence, at most 25 % of all values of glasses are wrong" in card
    assert "count as right" in card


def test_filled_cells_are_left_out_on_request_and_rounds_never_have_them(
    project: ProjectFolder, tmp_path: Path
):
    call("export", "--without-filled", "--to", tmp_path / "plain", "-p", project.path).assert_done()
    rounds = RoundSnapshots(project)
    for number in range(2):  # the second one reads only the labels again
        manifest = rounds.write(tmp_path / f"round {number}")
        for folder in (tmp_path / "plain", tmp_path / f"round {number}"):
            assert not {"filled.csv", "certificates.json"} & {path.name for path in folder.iterdir()}
            assert sum(row["glasses"] != "" for row in table(folder / "labels.csv")) == 6
        plain = json.loads((tmp_path / "plain" / "manifest.json").read_text())
        assert plain["counts"] == manifest["counts"]
        assert plain["content_hash"] == manifest["content_hash"]
        assert manifest["counts"]["labelled"] == 6
    write_labels(project, tmp_path / "plain.csv", filled=False)
    assert (tmp_path / "plain.csv").read_bytes() == (tmp_path / "plain" / "labels.csv").read_bytes()
    write_labels(project, tmp_path / "all.csv")
    assert sum(row["glasses"] != "" for row in table(tmp_path / "all.csv")) == 38


def test_images_that_only_filled_cells_complete_are_labelled_in_the_snapshot(
    project: ProjectFolder, tmp_path: Path
):
    for attribute in ("freckles", "hair_color", "hair_top", "not_human"):
        fill(project, attribute, 0)
    manifests = {
        filled: export_snapshot(project, tmp_path / str(filled), SnapshotOptions(), filled=filled)[1]
        for filled in (True, False)
    }
    assert manifests[True]["counts"]["labelled"] == 38, "glasses is open in two images"
    assert manifests[False]["counts"]["labelled"] == 6
    assert RoundSnapshots(project).write(tmp_path / "round")["counts"] == manifests[False]["counts"]


def test_an_answer_takes_the_place_of_a_filled_cell(project: ProjectFolder, tmp_path: Path):
    export_snapshot(project, tmp_path / "a", SnapshotOptions())
    me = Person(project)
    tasks = [task for task in me.next(30) if "glasses" not in {cell.attribute for cell in task.cells}]
    me.answer(tasks[0], {"glasses": 0})
    me.answer(tasks[1], {"glasses": 1})
    folder, _ = export_snapshot(project, tmp_path / "b", SnapshotOptions(), history=True)
    assert sum(row["attribute"] == "glasses" for row in table(folder / "filled.csv")) == 30
    verify_snapshot(folder)
    done = call("diff", tmp_path / "a", tmp_path / "b", "--csv", tmp_path / "cells.csv", "--json")
    done.assert_done()
    told = json.loads(done.out)
    assert told["cells"] == {"glasses": [{"from": "0", "to": "1", "cells": 1}]}
    assert told["filled"] == {"glasses": [{"from": "filled", "to": "answered", "cells": 2}]}
    assert not told["same"]
    assert told["images"]["unchanged"] == 38
    rows = {row["image_name"]: row for row in table(tmp_path / "cells.csv")}
    assert rows[tasks[0].image_name] == {
        "image_name": tasks[0].image_name, "attribute": "glasses", "from": "0", "to": "0", "labeller": "local",
        "origin": "human",
    }  # fmt: skip
    back = call("diff", tmp_path / "b", tmp_path / "a")
    assert "glasses, filled by a model: answered → filled: 2 cells" in back.out


def test_a_cell_that_was_filled_since_is_the_models(project: ProjectFolder, tmp_path: Path):
    export_snapshot(project, tmp_path / "a", SnapshotOptions(), filled=False)
    export_snapshot(project, tmp_path / "b", SnapshotOptions(), history=True)
    told = json.loads(call("diff", tmp_path / "a", tmp_path / "b", "--json").out)
    assert told["cells"]["glasses"] == [{"from": "", "to": "0", "cells": 32}]
    assert told["filled"]["glasses"] == [{"from": "open", "to": "filled", "cells": 32}]
    assert told["people"] == [{"labeller": "", "origin": "model", "cells": 66}]


def test_what_a_certificate_decided_is_decided_again_from_the_snapshot(tmp_path: Path):
    project = certifiable(tmp_path / "project")
    number = fill_certified(project)
    folder, manifest = export_snapshot(project, tmp_path / "s", SnapshotOptions())
    verify_snapshot(folder)
    [certificate] = json.loads((folder / "certificates.json").read_text())["certificates"]
    sample = certificate["basis"]["sample"]
    assert sum(row[3] for row in sample) == status_of(project, number).sample
    assert all(code == answer for _, code, answer, _ in sample), "the model was right"
    rows = table(folder / "filled.csv")
    assert len(rows) == len(cells_of(project, number)) == sum(certificate["filled"].values())
    assert all(int(row["code"]) == truth_of(int(row["image_name"][:6])) for row in rows)
    seen = Snapshot.open(folder)
    export_snapshot(project, tmp_path / "plain", SnapshotOptions(), filled=False)
    plain = Snapshot.open(tmp_path / "plain")
    assert all((seen.labels[name] == plain.labels[name]).all() for name in plain.labels), (
        "no label for the trainer"
    )
    assert (
        manifest["counts"]["attributes"]["glasses"]
        != json.loads((tmp_path / "plain" / "manifest.json").read_text())["counts"]["attributes"]["glasses"]
    )
    with project.database.write() as session:
        undo_certificate(session, number, 1)
    again, _ = export_snapshot(project, tmp_path / "undone", SnapshotOptions())
    assert files(again) == files(tmp_path / "plain")


def rewrite(folder: Path, name: str, text: str) -> None:
    """Change a file of a snapshot together with its manifest, as somebody would who wants it to be believed."""
    from annotator.formats.snapshot.manifest import sha256_of

    (folder / name).write_text(text, encoding="utf-8", newline="")
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["manifest_hash"]
    manifest["files"][name] = {"bytes": len(text.encode()), "sha256": sha256_of(folder / name)}
    manifest["content_hash"] = content_hash(manifest["files"])
    (folder / "manifest.json").write_text(
        canonical_json(manifest | {"manifest_hash": hash_manifest(manifest)})
    )


def lower(certificates: list[dict[str, Any]], part: str) -> None:
    """Make the first certificate claim more than its sample shows, or fill more than it may."""
    one = certificates[0]
    if part == "remaining":
        one["outcome"]["remaining"] -= 1
    elif part == "sample":
        one["basis"]["sample"] = [[1, 1, 0, 9], [1, 1, 1, 11]]
    elif part == "filled":
        one["filled"] = {"1": 3}
    elif part == "population":
        one["basis"]["population"] = [[0, 33]]
        one["outcome"]["remaining"] = 10
    else:
        del one["basis"]


def test_verify_finds_what_does_not_fit(project: ProjectFolder, tmp_path: Path):
    folder, _ = export_snapshot(project, tmp_path / "s", SnapshotOptions())
    certificates, cells = ((folder / name).read_text() for name in ("certificates.json", "filled.csv"))
    for part in ("remaining", "sample", "filled", "population", "basis"):
        document = json.loads(certificates)
        lower(document["certificates"], part)
        rewrite(folder, "certificates.json", canonical_json(document))
        with pytest.raises(FacelabelError, match="certificate"):
            verify_snapshot(folder)
    rewrite(folder, "certificates.json", certificates)
    changes = (
        (",1,0.75", ",0,0.75"),
        ("wrinkles:1", "glasses:1"),
        (",wrinkles,", ",freckles,"),
        ("0.750000,", ""),
    )
    for old, new in changes:
        rewrite(folder, "filled.csv", cells.replace(old, new, 1))
        with pytest.raises(FacelabelError, match=r"filled\.csv"):
            verify_snapshot(folder)
    call("verify", folder).assert_refused(1, "filled.csv", "Write it again")
    names, _ = export_snapshot(project, tmp_path / "names", SnapshotOptions(names=True))
    verify_snapshot(names)
    assert (names / "filled.csv").read_text() == cells, "codes, also beside names"


def test_filled_cells_of_a_snapshot_are_not_imported_as_labels(
    project: ProjectFolder, filled: ProjectFolder, tmp_path: Path
):
    export_snapshot(project, tmp_path / "s", SnapshotOptions(images="copy"))
    export_as(project, "parquet", tmp_path / "p", "copy")
    for source in ("s", "p"):
        other = tmp_path / f"other {source}"
        call("init", "-p", other).assert_done()
        done = call("import", tmp_path / source, "-p", other)
        done.assert_done()
        assert "66 values that a model filled are left out" in done.out + done.err
        write_labels(ProjectFolder.open(other), tmp_path / f"{source}.csv")
        rows = table(tmp_path / f"{source}.csv")
        assert [sum(row[name] != "" for row in rows) for name in ("glasses", "wrinkles")] == [6, 6]


def test_label_studio_gets_filled_cells_as_predictions(project: ProjectFolder, tmp_path: Path):
    export_as(project, "label_studio", tmp_path / "l")
    tasks = json.loads((tmp_path / "l" / "tasks.json").read_text())
    answers = [result for task in tasks for one in task["annotations"] for result in one["result"]]
    predictions = [one for task in tasks for one in task["predictions"]]
    assert sum(result["from_name"] == "glasses" for result in answers) == 6
    assert len(predictions) == 66
    assert {one["score"] for one in predictions} == {0.75, 0.987654}


def test_exports_say_what_they_cannot_tell(project: ProjectFolder, tmp_path: Path):
    report = export_as(project, "coursework", tmp_path / "c")
    assert report.filled == 66
    assert {loss.what: loss.count for loss in report.lost if "model" in loss.what} == {
        "that a model filled the value of wrinkles": 34,
        "that a model filled the value of glasses": 32,
    }
    assert not [loss for loss in export_as(project, "parquet", tmp_path / "p").lost if "model" in loss.what]
    plain = export_as(project, "coursework", tmp_path / "plain", filled=False)
    assert plain.filled == 0
    assert len(table(tmp_path / "plain" / "annotations.csv")) == 6
