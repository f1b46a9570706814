"""Readers of other tools' files, given anything: what they read is text, and the rest is refused."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from annotator.errors import FacelabelError
from annotator.formats.tools import (
    coco,
    coursework_csv,
    cvat,
    fiftyone,
    huggingface,
    label_studio,
    labelme,
    makesense,
)

FILES = {
    "makesense.json": makesense, "makesense.csv": makesense, "tasks.json": label_studio, "tasks.csv": label_studio,
    "cvat.xml": cvat, "annotations.csv": coursework_csv, "metadata.jsonl": huggingface, "metadata.csv": huggingface,
    "metadata.parquet": huggingface, "coco.json": coco, "labelme.json": labelme, "fiftyone.json": fiftyone,
}  # fmt: skip


def read_or_refuse(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / name
        path.write_bytes(content)
        FILES[name].recognise(path)
        try:
            found = FILES[name].read(path)
        except FacelabelError:
            return
        for one in found.images:
            one.name.encode()
            # Label Studio's references stay as they are: they only name an image, and nothing is opened by them.
            assert FILES[name] is label_studio or ".." not in Path(one.name).parts
        for answer in found.answers:
            (answer.attribute + (answer.value or "") + answer.labeller).encode()


KEYS = st.sampled_from([
    "data", "annotations", "predictions", "result", "value", "choices", "text", "type", "from_name", "image", "image_name",
    "was_cancelled", "completed_by", "annotation_id", "lead_time", "file_name", "annotator", "email", "x",
])  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["choices", "textarea", "../x", "/x", "1.jpg", "/data/upload/1/0a0a0a0a-x.jpg", "http://[", '{"choices": 1}', "\ud800", "\0"]),
)  # fmt: skip
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
RESULT = st.fixed_dictionaries({}, optional={"type": SCALARS, "from_name": SCALARS, "value": JUNK})
TASK = st.fixed_dictionaries(
    {},
    optional={
        "data": st.fixed_dictionaries({}, optional={"image": SCALARS, "image_name": SCALARS}) | JUNK,
        "annotations": st.lists(st.fixed_dictionaries({"result": st.lists(RESULT, max_size=2) | JUNK}) | JUNK, max_size=2) | JUNK,
        "image": SCALARS,
        "file_name": SCALARS,
        "annotation_id": SCALARS,
        "lead_time": SCALARS,
        "glasses": JUNK,
    },
)  # fmt: skip


MEMBERS = st.dictionaries(
    st.sampled_from([
        "images", "categories", "annotations", "imagePath", "flags", "shapes", "version", "classes", "labels", "samples",
    ]),
    st.lists(
        st.dictionaries(
            st.sampled_from([
                "id", "file_name", "image_id", "category_id", "name", "supercategory", "attributes", "bbox", "label", "flags",
                "filepath", "glasses", "_cls", "classifications", "bounding_box",
            ]),
            JUNK,
            max_size=6,
        )
        | JUNK,
        max_size=3,
    )
    | JUNK,
    max_size=5,
)  # fmt: skip


@pytest.mark.parametrize("name", ["coco.json", "labelme.json", "fiftyone.json"])
@settings(deadline=None, max_examples=150)
@given(junk=MEMBERS)
@example(junk={"images": [{"id": float("nan"), "file_name": "1.jpg"}], "annotations": [{"image_id": True}]})
def test_members_of_json_objects_are_read_or_refused(name: str, junk: dict):
    read_or_refuse(name, json.dumps(junk).encode())


@pytest.mark.parametrize("name", ["makesense.json", "tasks.json", "metadata.jsonl"])
@settings(deadline=None, max_examples=150)
@given(junk=st.lists(TASK | JUNK, max_size=3) | JUNK)
@example(junk={"image_name": "1.jpg", "annotator": "\ud800", "glasses": "round"})
def test_json_junk_is_read_or_refused(name: str, junk):
    read_or_refuse(name, json.dumps(junk).encode())


@pytest.mark.parametrize("name", sorted(FILES))
@settings(deadline=None, max_examples=60)
@given(
    content=st.binary(max_size=60)
    | st.lists(
        st.sampled_from([
            b"<annotations>", b"<image name='1.jpg'>", b"<tag label='f'>", b"<attribute name='a'>", b"</attribute>", b"</tag>",
            b"</image>", b"</annotations>", b"&amp;", b"&x;", b"<!--", b"]]>", b"file_name,", b"annotation_id,lead_time,image\n",
            b"image_name,wrinkles", b'1.jpg,"[a]"\n', b"1.jpg,", b'"', b"\n", b"\r", b"\0", b"\xff", b"[", b"]", b"{", b"}", b"PAR1",
        ]),
        max_size=15,
    ).map(b"".join)
)  # fmt: skip
def test_any_bytes_are_read_or_refused(name: str, content: bytes):
    read_or_refuse(name, content)
