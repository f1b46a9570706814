"""The HTTP API on a real server: contract, errors and access."""

import json
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from annotator.app import create_app
from annotator.config import Settings
from annotator.project import ProjectFolder
from annotator.resources import resource
from annotator.web.http.static_files import static_version
from tests.support.projects.labelling import ALL
from tests.support.serving import Server


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory, _filled: Path) -> Iterator[Server]:
    """One server for all tests that change nothing; they also look at what it has loaded."""
    path = tmp_path_factory.mktemp("still") / "project"
    shutil.copytree(_filled, path)
    with Server(path, bare=True) as running:
        yield running


def test_the_loop_of_the_label_page(server: Server):
    client = server.client()
    [task] = client.next()["tasks"]
    assert [cell["attribute"] for cell in task["cells"]][:3] == ["wrinkles", "freckles", "glasses"]
    picture = client.session.get(server.url + task["image_url"], timeout=60)
    assert picture.headers["Content-Type"] == "image/jpeg"
    assert "immutable" in picture.headers["Cache-Control"]
    answer = client.answer(task, ALL, key="k1")
    assert answer["labels"] == ALL
    assert (answer["late"], answer["progress"]["done"]) == (False, 1)
    undone = client.post("/annotations/undo", {"submission": "k1"}, key="u1").json()
    assert undone["values"] == ALL
    assert undone["task"]["image_id"] == task["image_id"]
    assert undone["task"]["labels"] == {}
    assert client.get("/progress")["done"] == 0


def test_a_page_renews_its_leases_and_hears_which_are_lost(server: Server):
    client = server.client()
    [task] = client.next()["tasks"]
    again = client.next(holding=[task["lease"], "gone"])
    assert (again["renewed"], again["lost"]) == ([task["lease"]], ["gone"])
    assert again["tasks"][0]["image_id"] != task["image_id"]


def test_the_schema_is_told_with_keys_and_values(still: Server):
    schema = {a["name"]: a for a in still.client().get("/schema")["attributes"]}
    assert schema["glasses"]["key"] == "g"
    assert schema["not_human"]["values"][1] == {"code": 1, "name": "no face or not human", "ends": True}
    assert (schema["identity"]["kind"], schema["identity"]["required"]) == ("open", False)


@pytest.mark.parametrize(
    ("path", "body", "key", "status", "code"),
    [
        ("/annotations", {"image_id": 1, "values": {"glasses": 9}}, "k", 400, "unknown_value"),
        ("/annotations", {"image_id": 1, "values": {"beard": 1}}, "k", 400, "unknown_attribute"),
        ("/annotations", {"image_id": 10**6, "values": {"glasses": 1}}, "k", 404, "unknown_image"),
        ("/annotations", {"image_id": 10**30, "values": {"glasses": 1}}, "k", 400, "bad_request"),
        ("/annotations", {"image_id": 1, "values": {"identity": 10**30}}, "k", 400, "bad_request"),
        ("/annotations", {"image_id": 1, "values": {"identity": 2**40}}, "k", 400, "unknown_value"),
        ("/annotations", {"image_id": "1", "values": {}}, "k", 400, "bad_request"),
        ("/annotations", {"image_id": 1, "values": {}, "extra": 1}, "k", 400, "bad_request"),
        ("/annotations", {"image_id": 1, "values": {}}, "k", 400, "bad_request"),
        ("/annotations", {"image_id": 1, "values": {"glasses": 1}}, None, 400, "no_key"),
        ("/annotations", [], "k", 400, "bad_request"),
        ("/annotations/undo", {}, "k", 404, "nothing_to_undo"),
        ("/tasks/next", {"count": -1}, None, 400, "bad_request"),
        ("/rounds", {"engine": "magic"}, None, 400, "unknown_engine"),
        ("/rounds", {}, None, 400, "nothing_labelled"),
        ("/nowhere", {}, None, 404, "not_found"),
    ],
)
def test_every_error_has_one_shape(
    still: Server, path: str, body: object, key: str | None, status: int, code: str
):
    answer = still.client().post(path, body, key)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"code", "what", "kept", "do"}
    assert error["code"] == code
    assert error["what"]


def test_nothing_is_at_a_number_that_no_database_holds(still: Server):
    app = create_app(ProjectFolder(Path()), Settings())
    numbered = [rule for rule in app.url_map.iter_rules() if "<int:" in rule.rule]
    assert len(numbered) > 15
    for rule in numbered:
        path = re.sub("<int:.*?>", str(2**63), rule.rule)
        for method in rule.methods & {"GET", "POST"}:
            headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
            answer = requests.request(method, still.url + path, data="{}", headers=headers, timeout=60)
            assert answer.status_code == 404, rule


def test_other_sites_can_neither_act_nor_read(still: Server):
    url = still.url + "/api/v1/tasks/next"
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
    ):
        answer = requests.post(url, json={"count": 1}, headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["error"]["code"] in {"other_origin", "wrong_host"}) == (
            403,
            True,
        )
    form = requests.post(
        url, data=json.dumps({"count": 1}), headers={"Content-Type": "text/plain"}, timeout=10
    )
    assert form.json()["error"]["code"] == "not_json"
    read = requests.get(still.url + "/api/v1/schema", headers={"Host": "evil.example:80"}, timeout=60)
    assert read.status_code == 403
    own = requests.post(
        url, json={"count": 1}, headers={"Origin": still.url, "Sec-Fetch-Site": "same-origin"}, timeout=10
    )
    assert own.status_code == 200


def test_every_answer_carries_the_content_security_policy(still: Server):
    for path in (
        "/",
        "/rounds",
        "/snapshots",
        "/nowhere",
        "/api/v1/schema",
        f"/static/{static_version(resource('static'))}/css/style.css",
        "/media/x.jpg",
    ):
        answer = requests.get(still.url + path, timeout=60)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("name", ["../facelabel.db", "..%2f..%2ffacelabel.db", "0" * 64, "a" * 63])
def test_media_gives_views_and_nothing_else(still: Server, name: str):
    assert requests.get(f"{still.url}/media/{name}.jpg", timeout=60).status_code == 404
    assert requests.get(f"{still.url}/media/{name}", timeout=60).status_code == 404


def test_only_this_machine_is_listened_to(still: Server):
    process = psutil.Process(still.pid)
    addresses = {
        connection.laddr.ip
        for each in (process, *process.children(recursive=True))
        for connection in each.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_the_web_process_never_loads_torch(still: Server):
    still.client().next()
    libraries = {region.path for region in psutil.Process(still.pid).memory_maps()}
    assert any("pysqlite3" in path for path in libraries)
    assert not any("torch" in path or "/cv2/" in path for path in libraries)


def test_a_snapshot_made_through_the_api_is_listed_and_whole(server: Server):
    client = server.client()
    made = client.post("/snapshots", {}).json()
    assert client.get("/snapshots")["snapshots"] == [made]
    folder = server.project / made["path"]
    checked = subprocess.run(
        [sys.executable, "-m", "annotator", "verify", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0
    assert "40 images" in checked.stdout


def test_a_round_is_queued_once_however_often_it_is_asked_for(server: Server):
    client = server.client()
    for task in client.next(5)["tasks"]:
        client.answer(task, ALL, secrets.token_hex(8))
    first, second = (client.post("/rounds", {}) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert len({round_["id"] for round_ in client.get("/rounds")["rounds"]}) == (
        1 if first.json()["id"] == second.json()["id"] else 2
    )


def test_the_description_names_every_route_of_the_api(still: Server):
    described = set(still.client().get("/openapi.json")["paths"])
    from annotator.app import create_app
    from annotator.config import Settings
    from annotator.project import ProjectFolder

    rules = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(rule))
        for rule in create_app(ProjectFolder(still.project), Settings()).url_map.iter_rules()
        if str(rule).startswith("/api/v1/") and "openapi" not in str(rule)
    }
    assert rules <= described
