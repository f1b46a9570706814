"""Forgetting a person: all their images, or only the name and the descriptors of the faces."""

import json
import secrets
from pathlib import Path

from sqlalchemy import select

from annotator.feature_removal import forget_features
from annotator.formats.importers.mapping import Mapping
from annotator.formats.snapshot.writer import SnapshotOptions, verify_snapshot
from annotator.models import Face, Image
from annotator.project import ProjectFolder
from annotator.services.erasure.journal import begin_erasure, complete_erasures, preview_erasure
from annotator.services.erasure.scope import Request, What, find_person
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.importing.report_files import write_report
from annotator.services.importing.reports import LabelReport, SourceReport
from tests.support.commands import call
from tests.support.projects.erasing import (
    ERASED,
    OTHERS,
    PERSON,
    contents_of,
    fill,
    find_damage,
    find_traces,
    people_named,
    traces_of,
)
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import labels_of
from tests.support.projects.naming import Namer


def forget(project: ProjectFolder, what: What, name: str = PERSON) -> dict:
    with project.database.read() as session:
        request = Request(what, person=find_person(session, name))
    row = begin_erasure(project, "Ada", secrets.token_hex(8), request)
    assert complete_erasures(project, forget_features)
    [file] = project.erasures.glob(f"{row.id:04d}-*.json")
    return json.loads(file.read_bytes())


def mentions(project: ProjectFolder, text: str) -> list[str]:
    return [place for place, content in contents_of(project) if text.encode() in content]


def test_the_name_goes_from_take_backs_and_imported_labels(filled: ProjectFolder, tmp_path: Path):
    table = tmp_path / f"{PERSON}.csv"
    table.write_text(f"image_name,identity\n{names_of(filled)[0]},{PERSON}\n")
    call("import", table, "-p", filled.path).assert_done()
    call("take-back", "--import", table.name, "-p", filled.path).assert_done()
    [listed] = json.loads(call("take-back", "--list", "--json", "-p", filled.path).out)
    assert listed["source"] == table.name
    assert listed.keys() >= {"submission", "upload", "source", "effect", "by", "undone"}
    assert "facelabel.db" in " ".join(mentions(filled, table.name))
    forget(filled, "name")
    assert [path for path in mentions(filled, PERSON) if path.startswith("facelabel.db")] == []
    [listed] = json.loads(call("take-back", "--list", "--json", "-p", filled.path).out)
    assert listed["source"] == "[erased].csv"
    call("take-back", "--undo", "", "-p", filled.path).assert_refused(1, "no take-back ''", "--list")
    call("take-back", "--undo", listed["submission"], "-p", filled.path).assert_done()


def add_mentions(project: ProjectFolder) -> None:
    """Let the person's name stand in a report and in the history of people; they had another name, and an alias."""
    labels = LabelReport(rows=3, added=3, values={"identity": {PERSON: 3, "Ada": 1}})
    write_report(project, SourceReport("table", "table", labels=labels).as_dict(), Mapping())
    namer = Namer(project)
    with project.database.read() as session:
        code = find_person(session, PERSON)
    namer.rename(code, "Zeb the First")
    namer.rename(code, PERSON)
    namer.confirm("Alter Ego", [image_of(project, names_of(project)[20])])
    with project.database.read() as session:
        alias = find_person(session, "Alter Ego")
    namer.merge(alias, code)


def test_all_images_of_a_person_and_the_name_go(filled: ProjectFolder):
    fill(filled)
    add_mentions(filled)
    traces, alias_image = traces_of(filled), names_of(filled)[20]
    assert len(mentions(filled, PERSON)) >= 3
    receipt = forget(filled, "person")
    assert len(receipt["images"]) == 4
    assert set(names_of(filled)).isdisjoint({ERASED, *OTHERS, alias_image})
    for name in (PERSON, "Zeb the First", "Alter Ego"):
        assert mentions(filled, name) == []
    assert find_traces(filled, traces) == []
    assert find_damage(filled) == []
    [report] = [path for path in filled.imports.glob("*.json") if '"table"' in path.read_text()]
    assert json.loads(report.read_bytes())["labels"]["values"]["identity"] == {"[erased]": 3, "Ada": 1}


def test_only_the_name_and_the_descriptors_go_and_the_labels_stay_under_a_number(filled: ProjectFolder):
    fill(filled)
    add_mentions(filled)
    with filled.database.read() as session:
        code = find_person(session, PERSON)
        image = session.scalars(select(Image).where(Image.name == ERASED)).one()
        group, descriptor = image.group, session.get_one(Face, (image.id, 0)).descriptor
    export_snapshot(filled, None, SnapshotOptions())
    with filled.database.read() as session:
        [copy] = preview_erasure(filled, Request("name", person=code))["copies"]
    assert (copy["kind"], copy["certain"]) == ("snapshot", True)
    before = names_of(filled)
    forget(filled, "name")
    for name in (PERSON, "Zeb the First", "Alter Ego"):
        assert {place.split("/")[0] for place in mentions(filled, name)} <= {"snapshots"}
    assert not any(descriptor in path.read_bytes() for path in filled.path.glob("facelabel.db*"))
    assert names_of(filled) == before
    assert labels_of(filled, image.id)["identity"] == code
    assert not {PERSON, f"forgotten {code}"} & set(people_named(filled))
    with filled.database.read() as session:
        assert session.get_one(Image, image.id).group == group
    snapshot = filled.round_folder(1) / "snapshot"
    assert verify_snapshot(snapshot)["counts"]["images"] == 40
    assert f"identity,{code},forgotten {code}," in (snapshot / "attributes.csv").read_text()
    assert find_damage(filled) == []
