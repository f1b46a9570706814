"""Malformed requests: no route takes them for an empty one, waits for the database, or changes anything."""

import hashlib

import pytest
from flask.testing import FlaskClient

from annotator.app import create_app
from annotator.config import Settings
from annotator.errors import FacelabelError
from annotator.formats.importers.mapping import Mapping
from annotator.models import Base
from annotator.project import ProjectFolder
from annotator.web.http.security import TAKES_BYTES
from tests.support.hostile.web_routes import routes
from tests.support.projects.labelling import ALL

UNREAD = "The request cannot be read."
MALFORMED = {
    "nothing": b"",
    "cut": b'{"submission": "a"',
    "a list": b"[]",
    "null": b"null",
    "zero": b"0",
    "an empty text": b'""',
    "false": b"false",
    "two objects": b"{}{}",
    "a repeated key": b'{"submission": "a", "submission": "b"}',
    "a repeated key inside": b'{"values": {"a": 1, "a": 2}}',
    "NaN": b'{"milliseconds": NaN}',
    "Infinity": b'{"milliseconds": -Infinity}',
    "a double that overflows": b'{"milliseconds": 1e999}',
    "an integer beyond 64 bits": b'{"image_id": 9223372036854775808}',
    "an integer of 5,000 digits": b'{"image_id": ' + b"9" * 5000 + b"}",
    "half of a surrogate pair": b'{"note": "\\ud800"}',
    "half of a surrogate pair in a key": b'{"\\udfff": 1}',
    "NUL": b'{"note": "a\\u0000b"}',
    "Latin-1": b'{"note": "\xe9"}',
    "UTF-16": '{"note": "a"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "deep lists": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 17 + b"1" + b"}" * 17,
    "a trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
}


@pytest.fixture
def caller(filled: ProjectFolder) -> FlaskClient:
    return create_app(filled, Settings()).test_client()


def state_of(project: ProjectFolder) -> str:
    """A hash of every row of every table."""
    with project.database.read() as session:
        rows = [session.execute(table.select()).all() for table in Base.metadata.sorted_tables]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def test_no_route_waits_or_changes_anything_for_a_malformed_body(filled: ProjectFolder, caller: FlaskClient):
    changing = [
        (method, path)
        for endpoint, method, path in routes()
        if method != "GET" and endpoint not in TAKES_BYTES
    ]
    assert len(changing) > 50
    before = state_of(filled)
    # A route that asks for the write lock would wait here, and fail in the end.
    with filled.database.write():
        for number, (method, path) in enumerate(changing):
            for what, body in MALFORMED.items():
                answer = caller.open(
                    path,
                    method=method,
                    data=body,
                    content_type="application/json",
                    headers={"Idempotency-Key": f"{number} {what}"},
                )
                assert answer.status_code == 400, (path, what, answer.get_data(as_text=True))
                assert answer.get_json()["error"]["what"].startswith(UNREAD), (path, what)
            for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
                answer = caller.open(path, method=method, data=b"{}", content_type=kind)
                assert answer.status_code == 400, (path, kind)
                assert answer.get_json()["error"]["code"] == "not_json", (path, kind)
    assert state_of(filled) == before


def test_an_undo_that_is_cut_does_not_undo_the_last_answer(caller: FlaskClient):
    task = caller.post("/api/v1/tasks/next", json={"count": 1}).get_json()["tasks"][0]
    answer = {"image_id": task["image_id"], "lease": task["lease"], "values": ALL}
    kept = caller.post("/api/v1/annotations", json=answer, headers={"Idempotency-Key": "a"})
    assert kept.status_code == 200
    cut = caller.post(
        "/api/v1/annotations/undo",
        data=b'{"submission": "another',
        content_type="application/json",
        headers={"Idempotency-Key": "u"},
    )
    assert cut.status_code == 400
    assert caller.get("/api/v1/progress").get_json()["done"] == 1


def test_a_query_with_a_nul_is_refused(caller: FlaskClient):
    assert caller.get("/api/v1/images?q=%00").get_json()["error"]["what"].startswith(UNREAD)
    assert caller.get("/api/v1/images?%00=1").status_code == 400
    assert caller.get("/exports/a%00b/zip").status_code == 400


def test_a_mapping_takes_time_in_proportion_to_its_length():
    hostile = {
        "escaped quotes without an end": '"' + '\\"' * 200_000,
        "a number of 400,000 digits": "a = " + "1" * 400_000,
        "a hexadecimal name": "image = 0x" + "f" * 20_000,
        "a key of many parts": "a" + ".a" * 200_000,
        "nested arrays": "a = " + "[" * 400_000,
    }
    for text in hostile.values():
        with pytest.raises(FacelabelError, match="cannot be read"):
            Mapping.parse(text, "of this import")  # the first one took minutes: the test's time limit


def test_a_mapping_that_cannot_be_read_does_not_wait_for_the_database(
    filled: ProjectFolder, caller: FlaskClient
):
    with filled.database.write():
        answer = caller.post("/api/v1/imports/1/start", json={"mapping": '"' + '\\"' * 1000})
    assert answer.get_json()["error"]["code"] == "bad_mapping"
