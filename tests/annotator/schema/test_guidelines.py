"""Guidelines and example images: read from attributes.toml, kept, shown by the API, and not part of the schema's hash."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotator.domain.drawn_examples import DRAWINGS
from annotator.domain.schema import Example, Schema, parse_schema
from annotator.errors import FacelabelError
from annotator.models import Skip
from annotator.project import ProjectFolder
from annotator.resources import resource
from annotator.sample_faces.examples import draw_example
from annotator.services.schema.active import read_schema
from annotator.services.schema_editing.changes import apply_schema, preview_changes
from tests.support.projects.schemas import DEFAULT_SCHEMA, UNGUIDED_SCHEMA
from tests.support.serving import Server

GUIDED = UNGUIDED_SCHEMA.replace(
    'key = "g"\n',
    'key = "g"\nguideline = "Worn ones."\nexamples = [{ image = "0001.jpg", code = 1 }, { image = "gone.jpg", code = 0 }]\n',
)


def test_a_guideline_is_kept_and_changes_no_hash(project: ProjectFolder):
    wanted = parse_schema(GUIDED)
    with project.database.write() as session:
        apply_schema(session, parse_schema(UNGUIDED_SCHEMA))
        before = read_schema(session).hash()
        assert [str(change) for change in apply_schema(session, wanted)] == [
            "glasses: change the guideline",
            "glasses: change the examples",
        ]
    with project.database.read() as session:
        found = read_schema(session)
        assert preview_changes(session, wanted) == []
    assert found["glasses"].guideline == "Worn ones."
    assert found["glasses"].examples == (Example("0001.jpg", 1), Example("gone.jpg", 0))
    assert found.hash() == before
    assert Schema(tuple(replace(a, guideline="", examples=()) for a in found.attributes)) == parse_schema(
        UNGUIDED_SCHEMA
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("guideline = 3", "the guideline of glasses must be a text"),
        ("examples = 3", "the examples of glasses must be a list"),
        ('examples = ["0001.jpg"]', "each example of glasses must look like"),
        ('examples = [{ image = "0001.jpg", code = 9 }]', "has the code 9"),
        ('examples = [{ image = "0001.jpg", code = true }]', "has the code True"),
        (
            'examples = [{ image = "drawn:no-such", code = 1 }]',
            "is no drawing of the program; the drawings are plain",
        ),
    ],
)
def test_a_wrong_guideline_or_example_is_refused(line: str, told: str):
    with pytest.raises(FacelabelError, match=told):
        parse_schema(UNGUIDED_SCHEMA.replace('key = "g"\n', f'key = "g"\n{line}\n'))


def test_the_api_tells_guideline_and_examples(filled: ProjectFolder):
    with filled.database.write() as session:
        apply_schema(session, parse_schema(GUIDED))
    with Server(filled.path) as server:
        client = server.client()
        glasses = next(a for a in client.get("/schema")["attributes"] if a["name"] == "glasses")
        assert glasses["guideline"] == "Worn ones."
        first, gone = glasses["examples"]
        assert (first["image_name"], first["code"], gone["image_url"]) == ("0001.jpg", 1, None)
        assert client.session.get(server.url + first["image_url"], timeout=60).ok


def test_the_default_schema_explains_every_attribute_and_shows_every_value():
    for attribute in parse_schema(DEFAULT_SCHEMA).attributes:
        assert len(attribute.guideline) > 80
        assert {example.code for example in attribute.examples} == {value.code for value in attribute.values}


def test_the_drawings_of_the_program_are_those_of_the_sample_faces():
    folder = resource("static") / "examples"
    assert {file.stem for file in folder.iterdir()} == set(DRAWINGS)
    for name in DRAWINGS:
        drawn, kept = (
            np.asarray(Image.open(io.BytesIO(file)).convert("RGB"), dtype=float)
            for file in (draw_example(name), (folder / f"{name}.webp").read_bytes())
        )
        assert np.abs(drawn - kept).mean() < 3, f"{name}: call `make examples`"


def test_a_skip_keeps_its_reason_and_an_answer_has_none(server: Server):
    client = server.client()
    task = client.next()["tasks"][0]
    body = {"image_id": task["image_id"], "lease": task["lease"], "reason": "too dark"}
    assert client.post("/annotations", {**body, "values": {"glasses": 0}}, "a").status_code == 400
    assert client.post("/annotations", {**body, "skip": True, "reason": "x" * 201}, "b").status_code == 400
    assert client.post("/annotations", {**body, "skip": True}, "c").ok
    assert client.post("/annotations", {**body, "skip": True, "reason": "other"}, "c").status_code == 409
    with ProjectFolder.open(Path(server.project)).database.read() as session:
        assert session.query(Skip).one().reason == "too dark"
