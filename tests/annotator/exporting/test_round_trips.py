"""Labels that are exported in any format and imported again are the same labels, whatever the values are called."""

import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator.domain.schema import CANNOT_TELL, Attribute, Schema, Value, parse_schema
from annotator.domain.schema_text import format_schema
from annotator.errors import FacelabelError
from annotator.formats.importers.mapping import Mapping
from annotator.formats.importers.translate import Row
from annotator.formats.snapshot.writer import SnapshotOptions
from annotator.project import ProjectFolder
from annotator.services.exporting.exports import export_as
from annotator.services.exporting.snapshots import export_snapshot
from annotator.services.importing.labels import LabelSource, import_rows
from annotator.services.importing.read import read_source
from annotator.services.importing.reports import LabelReport
from annotator.services.importing.sources import ImportOptions, find_sources
from annotator.services.importing.translate import translate_source
from annotator.services.projects import init_project
from annotator.services.schema.active import active_schema
from annotator.services.schema_editing.changes import apply_schema
from tests.support.projects.images import LIMITS, import_images
from tests.support.soak import FULL

FILES = {
    "parquet": "", "huggingface": "", "class_folders": "", "label_studio": "tasks.json", "cvat": "annotations.xml",
    "makesense": "labels.json", "makesense_csv": "labels.csv", "coursework": "annotations.csv",
}  # fmt: skip
"""The file of each format that is imported; "" is the folder."""

IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""A folder without a disk, whose syncing would take most of the time."""

PERSON = Attribute("identity", "Person", "p", kind="open", required=False)
NAMES = ["0001.jpg", "0002.jpg", "0003.jpg"]
HARD = [
    "0", "1", "2", "3", "01", "1.0", "-1", "+1", "1,0", "\u22121", "\uff11", "nan", "None", "NA", "null", "true", "False",
    "yes", "no", "a b", "a_b", "a-b", "ab", "(1, 2)", "1-2", "12", "Can\u2019t tell", "\ufb01", "fi", "\u00df", "ss",
    unicodedata.normalize("NFC", "h\u00e2l\u00e9"), unicodedata.normalize("NFD", "h\u00e2l\u00e9"), "\u00c9", "n/a",
    "%2F", "x" * 200, "=1+1", "glasses", "glasses=1", "#N/A",
]  # fmt: skip

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).map(str.strip)
names = st.one_of(st.sampled_from(HARD), texts).filter(lambda name: name not in {"", "can't tell"})
people = names.map(lambda name: unicodedata.normalize("NFC", name)).flatmap(
    lambda name: st.sampled_from([name, name.swapcase()])
)
people = people.filter(lambda name: 0 < len(name.strip()) <= 200 and name == name.strip())


@st.composite
def labelled(draw: st.DrawFn) -> tuple[Schema, list[Row]]:
    """A schema of two questions and people, and labels of three images."""

    def question(name: str, key: str) -> Attribute:
        called = draw(st.lists(names, min_size=2, max_size=5, unique_by=str.casefold))
        codes = draw(st.lists(st.integers(0, 12), min_size=len(called), max_size=len(called), unique=True))
        pairs = sorted(zip(codes, called, strict=True))
        return Attribute(name, name, key, values=tuple(Value(*pair) for pair in pairs))

    questions = [question("glasses", "g"), question("hair", "h")]
    cells: dict[str, st.SearchStrategy[Any]] = {
        one.name: st.sampled_from([CANNOT_TELL, *(value.code for value in one.values)]) for one in questions
    }
    cells["identity"] = people
    rows = [Row(name, draw(st.fixed_dictionaries({}, optional=cells))) for name in NAMES]
    return Schema((*questions, PERSON)), rows


@pytest.fixture(scope="module")
def unlabelled(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with three images, whose only attribute is the person; each example gets a copy of it."""
    folder = tmp_path_factory.mktemp("unlabelled")
    (folder / "schema.toml").write_text(format_schema(Schema((PERSON,))), encoding="utf-8")
    project = init_project(folder / "project", folder / "schema.toml")
    import_images(project, [faces / name for name in NAMES])
    project.database.checkpoint()
    project.database.close()
    return folder / "project"


@contextmanager
def labelled_project(
    unlabelled: Path, schema: Schema, rows: list[Row]
) -> Iterator[tuple[ProjectFolder, Path]]:
    """A project with these labels, and a folder for its exports."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as place:
        shutil.copytree(unlabelled, Path(place, "project"))
        project = ProjectFolder.open(Path(place, "project"))
        with project.database.write() as session:
            apply_schema(session, parse_schema(format_schema(schema)))
        with project.database.write() as session:
            import_rows(session, rows, LabelSource("test"), LabelReport())
        yield project, Path(place)
        project.database.close()


def exported(project: ProjectFolder, form: str, folder: Path) -> Path | None:
    """The exported file or folder; None if the format refuses these names."""
    if form.startswith("snapshot"):
        export_snapshot(project, folder, SnapshotOptions(names=form == "snapshot of names"))
        return folder
    try:
        export_as(project, form, folder)
    except FacelabelError as error:
        if error.code != "format_cannot_say":
            raise
        return None
    return folder / FILES[form]


def assert_comes_back(project: ProjectFolder, rows: list[Row], form: str, folder: Path) -> None:
    """The export is read back as the same labels; its image files, which all are known, are not decoded again."""
    expected = sum(
        not (form == "class_folders" and answer == CANNOT_TELL)
        for row in rows
        for answer in row.answers.values()
    )
    path = exported(project, form, folder)
    if path is None or not expected:
        return
    [source] = find_sources(project, [path], form if form == "class_folders" else "auto")
    with project.database.read() as session:
        schema = active_schema(session).schema
    scratch = folder.with_name(f"{folder.name}-scratch")
    scratch.mkdir()
    translation = translate_source(
        read_source(source, schema, ImportOptions(LIMITS), scratch), schema, Mapping()
    )
    report = LabelReport()
    with project.database.write() as session:
        import_rows(session, translation.rows, LabelSource(form), report)
    changed = (report.added, report.replaced, report.kept, report.absent, report.contradictions)
    assert (form, report.unchanged, changed) == (form, expected, (0, 0, 0, 0, []))
    assert (translation.unmapped, translation.contradictions) == ({}, [])


@pytest.mark.soak
@settings(
    max_examples=1000 if FULL else 5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(dataset=labelled())
def test_labels_of_every_format_come_back_equal(unlabelled: Path, dataset: tuple[Schema, list[Row]]):
    schema, rows = dataset
    with labelled_project(unlabelled, schema, rows) as (project, folder):
        for form in ("snapshot of codes", "snapshot of names", *(FILES.keys() - {"coursework"})):
            assert_comes_back(project, rows, form, folder / form.replace(" ", "-"))


coursework = {
    "wrinkles": 2, "freckles": 2, "glasses": 3, "hair_color": 9, "hair_top": 4, "not_human": 2,
}  # fmt: skip


@st.composite
def coursework_labels(draw: st.DrawFn) -> tuple[Schema, list[Row]]:
    """The coursework's questions, whose values may be called like other codes, and labels."""
    spelled = {"freckles": ("freakles",), "not_human": ("human_not_human",)}
    questions = []
    for key, (name, count) in zip("wfgcth", coursework.items(), strict=True):
        called = draw(st.permutations([str(number) for number in range(count)]))
        values = tuple(Value(code, value) for code, value in enumerate(called))
        questions.append(Attribute(name, name, key, spellings=spelled.get(name, ()), values=values))
    cells = {name: st.integers(-1, count - 1) for name, count in coursework.items()}
    rows = [Row(name, draw(st.fixed_dictionaries({}, optional=cells))) for name in NAMES]
    return Schema((*questions, PERSON)), rows


@pytest.mark.soak
@settings(
    max_examples=1000 if FULL else 5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(dataset=coursework_labels())
def test_labels_of_the_courseworks_file_come_back_equal(unlabelled: Path, dataset: tuple[Schema, list[Row]]):
    schema, rows = dataset
    with labelled_project(unlabelled, schema, rows) as (project, folder):
        assert_comes_back(project, rows, "coursework", folder / "out")
