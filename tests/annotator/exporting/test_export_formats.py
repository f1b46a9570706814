"""Exported labels are read back unchanged; what a format cannot express is refused or reported by name."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.json
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from annotator.domain.grouping.splits import SplitRule
from annotator.domain.schema import Attribute, Schema, Value, parse_schema
from annotator.errors import FacelabelError
from annotator.formats.export_formats import EXPORT_FORMATS
from annotator.formats.exporters import parquet_tables
from annotator.formats.exporters.base import Export, Loss, Losses, new_folder
from annotator.formats.importers import snapshot_source
from annotator.formats.importers.base import SourceAnswer, SourceContents
from annotator.formats.snapshot.images import SnapshotImage
from annotator.formats.snapshot.writer import SnapshotOptions, write_snapshot
from annotator.formats.tools import (
    class_folders,
    coursework_csv,
    cvat,
    huggingface,
    label_studio,
    makesense,
    parquet,
)
from annotator.resources import resource
from annotator.store.folder import FolderStore
from tests.support.projects.snapshots import in_batches

DEFAULT = parse_schema(resource("attributes.toml").read_text(encoding="utf-8"))
HARD = [
    "a,b", 'say "x"', "two\nlines", "cr\rhere", "tab\there", "שלום עולם", "مرحبا", "=cmd|' /C calc'!A0", "x" * 200, "NA",
    "None", "null", "n/a", "0001", "-1", "1.0", "true", "[a,b]", 'x,"[y]"', "<b>&amp;", "a=b", "%2e%2e", "脸", "\x01", "2020-01-01",
]  # fmt: skip
PLAIN = ["a,b", 'say "x"', "שלום", "=cmd", "x" * 200, "NA", "None", "0001", "n/a", "脸 face"]
"""Names that every format but makesense's CSV can hold."""

words = (
    st.one_of(
        st.sampled_from(HARD),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20),
    )
    .map(str.strip)
    .filter(lambda text: text not in {"", "can't tell"})
)
image_names = words.map(lambda text: text.replace("/", "∕")).filter(lambda name: name not in {".", ".."})


CONTENTS = {hashlib.sha256(content).hexdigest(): content for content in (b"%d" % n for n in range(20_000))}
HASHES = list(CONTENTS)


def image(name: str, labels: dict[str, int | None], number: int = 0) -> SnapshotImage:
    sha256 = HASHES[number]
    split = ("train", "val", "test")[number % 3]
    group = f"identity:{number}" if number % 2 else f"image:{sha256[:16]}"
    return SnapshotImage(name, sha256, "jpg", 64, 48, split, group, "photos", f"old/{name}", False, labels)


def put_files(root: Path, images: list[SnapshotImage]) -> None:
    """Store the files of images as a project does."""
    for one in images:
        (root / one.file).parent.mkdir(parents=True, exist_ok=True)
        (root / one.file).write_bytes(CONTENTS[one.sha256])


def two_values(one: str, other: str) -> Schema:
    """A schema of one attribute with two values."""
    return Schema((Attribute("glasses", "Glasses", "g", values=(Value(0, one), Value(1, other))),))


@st.composite
def datasets(draw: st.DrawFn) -> tuple[Schema, list[SnapshotImage]]:
    def values() -> tuple[Value, ...]:
        names = draw(st.lists(words, min_size=2, max_size=5, unique_by=str.casefold))
        statuses = ["active", *draw(st.lists(st.sampled_from(["active", "retired"]), min_size=4, max_size=4))]
        return tuple(
            Value(3 * i, name, status) for i, (name, status) in enumerate(zip(names, statuses, strict=False))
        )

    schema = Schema(
        (
            Attribute("glasses", "Glasses", "g", values=values()),
            Attribute("hair", 'Hair "&<', "h", values=values()),
            Attribute("identity", "Person", "p", kind="open", values=values()),
        )
    )
    cells = {a.name: st.sampled_from([None, *(v.code for v in a.values)]) for a in schema.attributes}
    names = sorted(draw(st.lists(image_names, max_size=5, unique=True)))
    labels = [draw(st.fixed_dictionaries({}, optional=cells)) for _ in names]
    return schema, [image(name, found, i) for i, (name, found) in enumerate(zip(names, labels, strict=True))]


def expected(schema: Schema, images: list[SnapshotImage]) -> list[SourceAnswer]:
    names = Export(schema, [], FolderStore(Path())).names()
    return [
        SourceAnswer(
            one.name, a.name, None if one.labels[a.name] is None else names[a.name, one.labels[a.name]]
        )
        for one in images
        for a in schema.attributes
        if a.name in one.labels
    ]


def there_and_back(
    write: Callable[[Path, Export], Losses],
    read: Callable[[Path], SourceContents],
    file: str,
    schema: Schema,
    images: list[SnapshotImage],
) -> tuple[SourceContents, Losses]:
    with tempfile.TemporaryDirectory() as place:
        losses = write(Path(place), Export(schema, iter(images), FolderStore(Path())))
        return read(Path(place) / file), losses


TYPED = {
    "makesense": (makesense.write, makesense.read, "labels.json"),
    "huggingface": (huggingface.write, huggingface.read, ""),
    "parquet": (parquet_tables.write, parquet.read, ""),
}


@pytest.mark.parametrize("form", TYPED)
@settings(deadline=None, max_examples=40)
@given(dataset=datasets())
def test_any_dataset_comes_back_equal(form: str, dataset):
    schema, images = dataset
    found, _ = there_and_back(*TYPED[form], schema, images)
    assert sorted(one.name for one in found.images) == [one.name for one in images]
    assert sorted(found.answers, key=str) == sorted(expected(schema, images), key=str)
    assert found.refused == []


MAY_REFUSE = {
    "makesense_csv": (makesense.write_csv, makesense.read, "labels.csv"),
    "cvat": (cvat.write, cvat.read, "annotations.xml"),
    "label_studio": (label_studio.write, label_studio.read, "tasks.json"),
}


@pytest.mark.parametrize("form", MAY_REFUSE)
@settings(deadline=None, max_examples=40)
@given(dataset=datasets())
def test_a_dataset_comes_back_equal_or_is_refused_by_name(form: str, dataset):
    schema, images = dataset
    try:
        found, losses = there_and_back(*MAY_REFUSE[form], schema, images)
    except FacelabelError as error:
        if error.code != "format_cannot_say":
            raise
        return
    lost = sum(losses.counts.values())
    assert len(found.images) == len(images) - lost
    assert found.answers == expected(schema, images)


def hard_dataset(names: list[str]) -> tuple[Schema, list[SnapshotImage]]:
    values = tuple(Value(i, name) for i, name in enumerate(names))
    schema = Schema(
        (
            Attribute("glasses", "Glasses", "g", values=values),
            Attribute("identity", "Person", "p", kind="open", values=values),
        )
    )
    images = [image(name.replace("/", "-"), {"glasses": i, "identity": i}, i) for i, name in enumerate(names)]
    images += [image("can't.jpg", {"glasses": None}, 98), image("unlabelled.jpg", {}, 99)]
    return schema, sorted(images, key=lambda one: one.name)


@pytest.mark.parametrize("form", ["cvat", "label_studio"])
def test_names_that_xml_can_hold_are_not_refused(form: str):
    names = [name for name in HARD if "\x01" not in name]
    schema, images = hard_dataset(names)
    found, losses = there_and_back(*MAY_REFUSE[form], schema, images)
    assert found.answers == expected(schema, images)
    assert {one.name for one in found.images} == {one.name for one in images}
    assert losses.counts == {}


def test_makesense_csv_holds_names_without_commas_and_reports_what_it_leaves_out():
    names = [name for name in HARD if not {",", "\n", "\r"} & set(name)]
    schema, images = hard_dataset(names)
    found, losses = there_and_back(*MAY_REFUSE["makesense_csv"], schema, images)
    assert found.answers == expected(schema, images)
    assert losses.as_list() == [
        Loss("images without a label, which makesense leaves out", 1, ("unlabelled.jpg",))
    ]


@pytest.mark.parametrize("name", ["a,b", "two\nlines", "cr\rhere"])
def test_makesense_csv_refuses_names_that_would_be_read_back_as_others(name: str):
    schema, images = hard_dataset([name, "plain"])
    with pytest.raises(FacelabelError, match=r"comma or a line break|read back as another"):
        there_and_back(*MAY_REFUSE["makesense_csv"], schema, images)


def test_cvat_refuses_a_control_character_by_name():
    schema, images = hard_dataset(["bell\x07", "plain"])
    with pytest.raises(FacelabelError, match="bell"):
        there_and_back(*MAY_REFUSE["cvat"], schema, images)


@settings(deadline=None, max_examples=40)
@given(dataset=datasets(), names=st.booleans())
def test_a_snapshot_comes_back_equal_as_a_source(dataset, names: bool):
    schema, images = dataset
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "s"
        batches = in_batches(images, schema)
        write_snapshot(
            folder,
            schema,
            batches,
            SplitRule(0, 0.1, 0.1),
            FolderStore(Path(place)),
            SnapshotOptions(names=names),
        )
        assert snapshot_source.recognise(folder)
        found = snapshot_source.read(folder)
    assert found.answers == expected(schema, images)
    assert [(one.name, one.original_path, one.split) for one in found.images] == [
        (one.name, one.original_path, one.split) for one in images
    ]
    assert [one.group for one in found.images] == [
        one.group if one.group.startswith("identity") else "" for one in images
    ]


def test_hugging_faces_own_reader_keeps_null_words_and_leading_zeros(tmp_path: Path):
    schema, images = hard_dataset(["NA", "None", "null", "n/a", "0001", "1"])
    train = [one for one in images if one.split == "train"]
    with new_folder(tmp_path / "out") as folder:
        huggingface.write(folder, Export(schema, images, FolderStore(Path())))
    # pyarrow's reader of JSON lines is the one that the `datasets` library calls for an imagefolder.
    table = pyarrow.json.read_json(tmp_path / "out" / "train" / "metadata.jsonl").to_pylist()
    names = Export(schema, [], FolderStore(Path())).names()
    assert [(row["file_name"], row["glasses"]) for row in table] == [
        (one.name, names["glasses", one.labels["glasses"]] if one.labels else None) for one in train
    ]
    assert "path: validation/**" in (tmp_path / "out" / "README.md").read_text()


def test_hugging_face_reports_names_that_would_become_dates():
    schema, images = hard_dataset(["2020-01-01", "plain"])
    _, losses = there_and_back(*TYPED["huggingface"], schema, images)
    assert [one.first for one in losses.as_list()] == [("2020-01-01",), ("2020-01-01",)]


@pytest.mark.shared
def test_the_courseworks_file_comes_back_with_the_same_bytes(shared: Path, tmp_path: Path):
    original = shared / "comp1804" / "annotations.csv"
    assert coursework_csv.recognise(original)
    found = coursework_csv.read(original)
    labels: dict[str, dict[str, int | None]] = {one.name: {} for one in found.images}
    for answer in found.answers:
        attribute = DEFAULT.find_column(answer.attribute)
        labels[answer.image][attribute.name] = int(answer.value)
    images = [image(name, cells, i) for i, (name, cells) in enumerate(labels.items())]
    losses = coursework_csv.write(
        tmp_path, Export(DEFAULT, [*images, image("z.jpg", {"identity": 1})], FolderStore(Path()))
    )
    assert (tmp_path / "annotations.csv").read_bytes() == original.read_bytes()
    assert losses.counts == {
        "labels of identity, which has no column": 1, "images without a label in these columns": 1,
    }  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(
    names=st.lists(image_names, max_size=6, unique=True).map(sorted),
    cells=st.lists(st.tuples(*[st.sampled_from([None, 0, 1, "no"])] * 6), min_size=6, max_size=6),
)
def test_coursework_labels_come_back_equal(names, cells):
    columns = [DEFAULT.find_column(column).name for column in coursework_csv.HEADER[1:]]
    labels = [{c: code for c, code in zip(columns, row, strict=True) if code != "no"} for row in cells]
    images = [image(name, found, i) for i, (name, found) in enumerate(zip(names, labels, strict=False))]
    found, _ = there_and_back(coursework_csv.write, coursework_csv.read, "annotations.csv", DEFAULT, images)
    assert found.answers == [
        SourceAnswer(one.name, header, None if one.labels[c] is None else str(one.labels[c]))
        for one in images
        for header, c in zip(coursework_csv.HEADER[1:], columns, strict=True)
        if c in one.labels
    ]


def test_coursework_refuses_a_code_and_a_schema_that_it_lacks(tmp_path: Path):
    with pytest.raises(FacelabelError, match="code 9"):
        coursework_csv.write(tmp_path, Export(DEFAULT, [image("a", {"hair_color": 9})], FolderStore(Path())))
    with pytest.raises(FacelabelError, match="column hair_color"):
        coursework_csv.write(tmp_path, Export(Schema(DEFAULT.attributes[:3]), [], FolderStore(Path())))


def test_class_folders_hold_each_image_in_its_class_and_report_the_rest(tmp_path: Path):
    schema, images = hard_dataset(PLAIN[:8])
    root = tmp_path / "images"
    put_files(root, images)
    with new_folder(tmp_path / "out") as folder:
        losses = class_folders.write(folder, Export(schema, images, FolderStore(root), "link"))
    names = Export(schema, [], FolderStore(Path())).names()
    for one in images:
        place = tmp_path / "out" / "glasses" / names["glasses", one.labels.get("glasses")] / one.name
        assert place.exists() == (one.labels.get("glasses") is not None)
        if place.exists():
            assert place.read_bytes() == CONTENTS[one.sha256]
            assert place.samefile(root / one.file)
    assert losses.counts == {
        "can't tell of glasses, which is not a class": 1, "images without a label of identity": 2,
        "images without a label of glasses": 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["y" * 256, "脸" * 86, "/" * 86])
def test_class_folders_refuse_a_name_too_long_for_a_folder_and_leave_nothing(tmp_path: Path, name: str):
    schema, images = hard_dataset([name, "plain"])
    put_files(tmp_path / "images", images)
    with pytest.raises(FacelabelError, match="too long for a folder"), new_folder(tmp_path / "out") as folder:
        class_folders.write(folder, Export(schema, images, FolderStore(tmp_path / "images"), "link"))
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


@settings(deadline=None, max_examples=40)
@example(
    dataset=(
        two_values("n/a", ".."),
        [image("party/1.jpg", {"glasses": 0}), image("2.jpg", {"glasses": 1}, 1)],
    )
)
@example(
    dataset=(
        two_values("%2F", "%252F%2"),
        [image("1.jpg", {"glasses": 0}), image("2.jpg", {"glasses": 1}, 1)],
    )
)
@given(dataset=datasets())
def test_classes_come_back_equal_whatever_they_are_called(dataset):
    schema, images = dataset
    images = [replace(one, name=f"{one.name.strip('.') or 'dots'}-{i}.jpg") for i, one in enumerate(images)]
    with tempfile.TemporaryDirectory() as place:
        root, out = Path(place, "images"), Path(place, "out")
        put_files(root, images)
        out.mkdir()
        class_folders.write(out, Export(schema, iter(images), FolderStore(root), "link"))
        found = class_folders.read(out)
    classes = [answer for answer in expected(schema, images) if answer.value is not None]
    assert sorted(found.answers, key=str) == sorted(classes, key=str)
    assert {one.name for one in found.images} == {answer.image for answer in classes}
    assert (found.refused, found.notes, found.ignored.total) == ([], [], 0)


@pytest.mark.parametrize("form", sorted(EXPORT_FORMATS))
def test_the_same_labels_give_the_same_bytes(tmp_path: Path, form: str):
    images = [image(f"{i:04}.jpg", {"glasses": i % 3, "hair_top": None}, i) for i in range(9)]
    put_files(tmp_path / "images", images)
    written = []
    for name in ("a", "b"):
        with new_folder(tmp_path / name) as folder:
            EXPORT_FORMATS[form].write(
                folder, Export(DEFAULT, iter(images), FolderStore(tmp_path / "images"), "copy")
            )
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        written.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert written[0]
    assert written[0] == written[1]


def test_an_export_never_overwrites_anything(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(FacelabelError, match="exists already"), new_folder(tmp_path / "mine"):
        pass


def test_label_studios_interface_asks_for_every_active_value(tmp_path: Path):
    label_studio.write(tmp_path, Export(DEFAULT, [image("a b.jpg", {"glasses": 2})], FolderStore(Path())))
    config = (tmp_path / "config.xml").read_text()
    assert '<Choice value="sunglasses"/>' in config
    assert '<TextArea name="identity"' in config
    [task] = json.loads((tmp_path / "tasks.json").read_text())
    assert task["data"] == {"image": "/data/local-files/?d=images/a%20b.jpg", "image_name": "a b.jpg"}
