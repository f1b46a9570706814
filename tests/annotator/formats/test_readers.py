"""Readers of other tools' files: real exports, and the limits for hostile ones."""

import csv
import json
import tarfile
import tempfile
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotator.errors import FacelabelError
from annotator.formats.importers import snapshot_source
from annotator.formats.importers.base import SourceAnswer
from annotator.formats.tools import (
    coco,
    coursework_csv,
    cvat,
    fiftyone,
    huggingface,
    label_studio,
    labelme,
    makesense,
    parquet,
)

READERS = [
    makesense,
    label_studio,
    cvat,
    coursework_csv,
    huggingface,
    parquet,
    snapshot_source,
    coco,
    labelme,
    fiftyone,
]
EXPECTED_OF_LABEL_STUDIO = {
    "gender": ["Female"], "age_group": ["Youth"], "skin_tone": ["Medium"], "body_shape": ["Hourglass"],
    "event": ["Yoruba Wedding"], "fabric_type": ["Lace"], "style": ["Gown"],
    "accessories": ["Gele", "Necklace (Coral)", "Purse", "Bracelets", "Earrings"],
}  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize(
    "file",
    ["sidiq20_faces_export.json", "out_JSON/result.json", "out_JSON_MIN/result.json", "out_CSV/result.csv", "out_TSV/result.csv"],
)  # fmt: skip
def test_every_kind_of_label_studio_export_gives_the_same_answers(shared: Path, file: str):
    path = shared / "label_studio" / file
    assert [reader for reader in READERS if reader.recognise(path)] == [label_studio]
    found = label_studio.read(path)
    [image] = found.images
    assert image.name.endswith("/c2c0fb30-asoebi_9.jpg")
    said: dict[str, list[str]] = {}
    for answer in found.answers:
        assert answer.labeller == "2"
        said.setdefault(answer.attribute, []).append(answer.value)
    assert said.pop("caption") == ["light-skinned in youth in lace gown for a wedding "]
    assert said.pop("prompt") == ["a style for a wedding for a light skinned lady "]
    assert said == EXPECTED_OF_LABEL_STUDIO
    assert found.refused == []


@pytest.mark.shared
def test_makesense_boxes_are_labels_of_their_image(shared: Path):
    paths = sorted((shared / "makesense").glob("*.csv"))
    assert len(paths) == 3
    for path in paths:
        assert [reader for reader in READERS if reader.recognise(path)] == [makesense]
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        found = makesense.read(path)
        assert {(a.image, a.value) for a in found.answers} == {
            (r["image_name"], r["label_name"]) for r in rows
        }
        assert {one.name for one in found.images} == {row["image_name"] for row in rows}
        boxes = "1 box was read as a label" if len(rows) == 1 else f"{len(rows)} boxes were read as labels"
        assert found.notes == [f"{boxes} of the whole image."]


@pytest.mark.shared
def test_the_courseworks_file_is_read_in_full(shared: Path):
    path = shared / "comp1804" / "annotations.csv"
    assert [reader for reader in READERS if reader.recognise(path)] == [coursework_csv]
    found = coursework_csv.read(path)
    assert len(found.images) == 1999
    assert len(found.answers) == 1999 * 6


def test_makesense_image_labels_without_header(tmp_path: Path):
    path = tmp_path / "labels.csv"
    path.write_bytes(b'000001.jpg,"[brown hair,glasses]"\r\n000002.jpg,"[bald]"\r\n')
    assert makesense.recognise(path)
    assert makesense.read(path).answers == [
        SourceAnswer("000001.jpg", "", "brown hair"),
        SourceAnswer("000001.jpg", "", "glasses"),
        SourceAnswer("000002.jpg", "", "bald"),
    ]
    path = tmp_path / "labels.json"
    path.write_text('[{"image":"000001.jpg","annotations":["brown hair","glasses"]}]')
    assert makesense.recognise(path)
    assert [answer.value for answer in makesense.read(path).answers] == ["brown hair", "glasses"]


def test_label_studio_skips_cancelled_annotations_and_predictions(tmp_path: Path):
    def annotation(value: str, **more):
        return {
            "result": [{"from_name": "glasses", "type": "choices", "value": {"choices": [value]}}],
            **more,
        }

    tasks = [
        {
            "data": {"image": "/data/local-files/?d=faces/a%20b.jpg"},
            "annotations": [
                annotation("yes", completed_by={"email": "ada@example.org"}),
                annotation("no", was_cancelled=True),
            ],
            "predictions": [annotation("no")],
        },
        {"data": {"image": "https://example.org/x/c.jpg?size=1"}, "annotations": [annotation("can't tell")]},
        {"data": {"text": "no image"}, "annotations": []},
        {
            "data": {"image": "d.jpg"},
            "annotations": [{"result": [{"type": "rectanglelabels", "value": {"x": 1}}]}],
        },
    ]
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps(tasks))
    found = label_studio.read(path)
    local, url = "/data/local-files/?d=faces/a%20b.jpg", "https://example.org/x/c.jpg?size=1"
    assert [one.name for one in found.images] == [local, url, "d.jpg"]
    assert found.answers == [
        SourceAnswer(local, "glasses", "yes", "ada@example.org"),
        SourceAnswer(url, "glasses", None),
    ]
    assert found.refused == [
        ("task 3", "its data names no image"),
        ("task 4: d.jpg", "a result of the type 'rectanglelabels'"),
    ]


def test_label_studio_tells_of_several_values_and_of_parts_of_an_image(tmp_path: Path):
    def result(kind: str, name: str, **value: object) -> dict:
        return {"from_name": name, "type": kind, "value": value}

    results = [
        result("choices", "glasses", choices=["glasses", "sunglasses"]),
        result("rating", "beauty", rating=4),
        result("choices", "hair_color", choices=["brown"], x=1.0, y=2.0, width=3.0, height=4.0),
    ]
    path = tmp_path / "export.json"
    path.write_text(json.dumps([{"data": {"image": "a.jpg"}, "annotations": [{"result": results}]}]))
    found = label_studio.read(path)
    assert [(a.attribute, a.value) for a in found.answers] == [
        ("glasses", "glasses"), ("glasses", "sunglasses"), ("beauty", "4"), ("hair_color", "brown"),
    ]  # fmt: skip
    assert found.notes[0] == (
        "1 answer is about a part of an image and was read as an answer about the whole image."
    )
    assert (
        "1 answer chooses several values at once, such as glasses: glasses, sunglasses for a.jpg."
        in found.notes[1]
    )


def test_cvat_tags_with_and_without_attributes_and_boxes(tmp_path: Path):
    path = tmp_path / "annotations.xml"
    path.write_text(
        '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task><name>x</name></task></meta>'
        '<image id="0" name="a/1.jpg" width="9" height="9"><tag label="face"><attribute name="wrinkles">some</attribute>'
        '</tag><tag label="glasses"></tag><box label="face" xtl="1"><attribute name="wrinkles">no</attribute></box></image>'
        '<image id="1" name="2.jpg"/></annotations>'
    )
    assert [reader for reader in READERS if reader.recognise(path)] == [cvat]
    found = cvat.read(path)
    assert [one.name for one in found.images] == ["a/1.jpg", "2.jpg"]
    assert found.answers == [
        SourceAnswer("a/1.jpg", "wrinkles", "some"),
        SourceAnswer("a/1.jpg", "", "glasses"),
    ]
    assert found.refused == [("box", "1 ignored: only tags label a whole image")]


def test_hugging_face_null_words_in_a_csv_stay_names(tmp_path: Path):
    (tmp_path / "metadata.csv").write_text("file_name,glasses,code\n1.jpg,None,0001\n2.jpg,NA,\n")
    (tmp_path / "1.jpg").touch()
    assert [reader for reader in READERS if reader.recognise(tmp_path)] == [huggingface]
    found = huggingface.read(tmp_path)
    assert [one.path for one in found.images] == [tmp_path / "1.jpg", None]
    assert [(a.attribute, a.value) for a in found.answers] == [
        ("glasses", "None"),
        ("code", "0001"),
        ("glasses", "NA"),
    ]


def test_images_that_no_row_names_are_imported_without_labels_and_noted(tmp_path: Path):
    for name in ("train/1.jpg", "train/2.jpg", "test/a/3.png", "test/1.jpg", "test/notes.txt", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "train" / "metadata.csv").write_text("file_name,glasses\n1.jpg,none\n")
    (tmp_path / "test" / "metadata.csv").write_text("file_name,glasses\n")
    found = huggingface.read(tmp_path)
    assert [one.name for one in found.images] == ["1.jpg", "test/1.jpg", "test/a/3.png", "train/2.jpg"]
    assert all(one.path is not None and one.path.is_file() for one in found.images)
    assert [(answer.image, answer.value) for answer in found.answers] == [("1.jpg", "none")]
    told = "3 of its images are in no row; they are imported without labels: test/1.jpg, test/a/3.png, train/2.jpg"
    assert (found.notes, found.ignored.counts) == ([told], {".txt files": 1})


def test_images_of_two_splits_with_one_name_keep_their_own_labels(tmp_path: Path):
    for split, value in (("train", "none"), ("test", "sunglasses")):
        (tmp_path / split).mkdir()
        (tmp_path / split / "1.jpg").write_text(split)
        (tmp_path / split / "metadata.jsonl").write_text(json.dumps({"file_name": "1.jpg", "glasses": value}))
    found = huggingface.read(tmp_path)
    assert {one.name: one.path for one in found.images} == {
        f"{split}/1.jpg": tmp_path / split / "1.jpg" for split in ("train", "test")
    }
    assert {(answer.image, answer.value) for answer in found.answers} == {
        ("train/1.jpg", "none"), ("test/1.jpg", "sunglasses"),
    }  # fmt: skip


def test_a_column_that_occurs_twice_is_refused(tmp_path: Path):
    (tmp_path / "metadata.csv").write_text("file_name,glasses,glasses\n1.jpg,a,b\n")
    with pytest.raises(FacelabelError, match="two columns 'glasses'"):
        huggingface.read(tmp_path)


CELLS = st.one_of(
    st.none(),
    st.integers(-2, 2),
    st.booleans(),
    st.text(max_size=3),
    st.floats(),
    st.lists(st.integers(0, 2), max_size=2),
)


@settings(deadline=None, max_examples=15)  # each file takes a process
@given(
    attributes=st.tuples(CELLS, CELLS, CELLS), images=st.tuples(CELLS, CELLS), labels=st.tuples(CELLS, CELLS)
)
def test_parquet_of_wrong_types_is_read_or_refused(attributes, images, labels):
    with tempfile.TemporaryDirectory() as place:
        for name, columns, row in (
            ("attributes", ["attribute", "code", "name"], attributes),
            ("images", ["image_name", "group"], images),
            ("labels", ["image_name", "glasses"], labels),
        ):
            table = pa.table({column: [cell] for column, cell in zip(columns, row, strict=True)})
            pq.write_table(table, Path(place) / f"{name}.parquet")
        assert parquet.recognise(Path(place))
        reason = reason_against(parquet, Path(place))
        assert reason is None or place in reason


BOMB = (
    "<!DOCTYPE annotations [<!ENTITY a 'xxxxxxxxxx'>"
    + "".join(f"<!ENTITY a{i} '{f'&a{i - 1 if i else str()};' * 10}'>" for i in range(9))
    + "]><annotations>&a8;</annotations>"
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "document type or an entity"),
        ('<!DOCTYPE annotations SYSTEM "file:///etc/passwd"><annotations/>', "document type"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>&x;</annotations>', "document type"),
        ("<annotations>" + "<a>" * 100_000, "nested too deeply"),
        ("<annotations><image name='1.jpg'><tag label='f'><attribute name='g'>" + "x" * 10_000_000, "longer than"),
        ("<annotations><image name='" + "x" * 10_000_000, "longer than"),
        ("<annotations><image name='../../1.jpg'/></annotations>", "inside a folder"),
        ("<annotations><image/></annotations>", "not a text"),
        ("<annotations><image name='1.jpg'>", "not valid XML"),
        ("<html/>", "not an export of CVAT"),
        ("", "not valid XML"),
        ('<?xml version="1.0" encoding="nonsense"?><annotations/>', "not valid XML"),
    ],
)  # fmt: skip
def test_xml_that_attacks_is_refused_with_a_reason(tmp_path: Path, text: str, reason: str):
    path = tmp_path / "annotations.xml"
    path.write_text(text)
    with pytest.raises(FacelabelError, match=reason):
        cvat.read(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('[{"image": "1.jpg", "annotations": [' + "[" * 100_000, "nested too deeply"),
        ('[{"image": "' + "x" * 10_000_000, "not valid JSON"),
        ('[{"image": "1.jpg", "annotations": []}', "missing after it"),
        ('[{"image": "1.jpg", "annotations": []}] 1', "follows the end"),
        ('[{"image": "/etc/passwd", "annotations": []}]', "inside a folder"),
        ('[{"image": "\\ud800", "annotations": []}]', "not text"),
        ('[{"image": "1\\u0000.jpg", "annotations": []}]', "not text"),
        ('[{"image": ' + "1" * 5000 + ', "annotations": []}]', "not valid JSON"),
        ("[nul]", "not valid JSON"),
    ],
)  # fmt: skip
def test_json_that_attacks_is_refused_with_a_reason(tmp_path: Path, text: str, reason: str):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(FacelabelError, match=reason):
        makesense.read(path)


def test_a_hundred_megabytes_of_json_are_read_item_by_item(tmp_path: Path, soak: bool):
    path = tmp_path / "labels.json"
    size = 100_000_000 if soak else 10_000_000
    item = json.dumps({"image": "1.jpg", "annotations": ["x" * 4000] * 100})
    with path.open("w") as file:
        file.write("[" + ",\n".join([item] * (size // len(item))) + "]")
    tracemalloc.start()
    found = makesense.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.answers == [SourceAnswer("1.jpg", "", "x" * 4000)]
    assert peak < 8_000_000


@pytest.mark.shared
def test_every_hostile_file_is_read_or_refused_by_every_reader(shared: Path, tmp_path: Path):
    with tarfile.open(shared / "hostile-files.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(paths) > 70
    for path in paths:
        for reader in READERS:
            assert not reader.recognise(path)
            reason = reason_against(reader, path)
            assert reason is None or str(path) in reason
            assert reason or path.stat().st_size == 0


def reason_against(reader, path: Path) -> str | None:
    """Why a reader refuses a file; None if it reads it."""
    try:
        reader.read(path)
    except FacelabelError as error:
        return error.what
    return None
