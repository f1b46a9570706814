"""Flags: kept once per key, shown as plain text, resolved by a reviewer."""

from tests.support.serving import Client, Server

HOSTILE = ["<script>document.title='owned'</script>", '=HYPERLINK("http://evil.example")', "a\nb\t'c'"]


def test_a_flag_is_kept_as_it_was_written_and_resolved_once(server: Server):
    client = server.client()
    for image, note in enumerate(HOSTILE, start=1):
        raise_and_resolve(client, image, note)


def raise_and_resolve(client: Client, image: int, note: str) -> None:
    first = client.post("/flags", {"image_id": image, "note": f"  {note} "}, f"f{image}")
    assert first.status_code == 201
    flag = first.json()
    assert (flag["image_id"], flag["note"], flag["labeller"]) == (image, note, "local")
    assert flag["resolved_at"] is None
    resolved = client.post(f"/flags/{flag['id']}/resolve", {})
    assert resolved.status_code == 200
    assert resolved.json()["resolved_by"] == "local"
    assert client.post(f"/flags/{flag['id']}/resolve", {}).json() == resolved.json()
    assert client.get(f"/images/{image}")["flags"] == [resolved.json()]


def test_the_same_key_again_makes_no_second_flag_and_is_refused_for_another(server: Server):
    client = server.client()
    first, again = (client.post("/flags", {"image_id": 2, "note": "twice"}, "k") for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    other = client.post("/flags", {"image_id": 3, "note": "twice"}, "k")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key_reused")
    assert [len(client.get(f"/images/{number}")["flags"]) for number in (2, 3)] == [1, 0]


REFUSED = [
    ("/flags", {"image_id": 1, "note": "   "}, "k", 400, "bad_note"),
    ("/flags", {"image_id": 1, "note": "x" * 501}, "k", 400, "bad_note"),
    ("/flags", {"image_id": 1, "note": "a\u0007b"}, "k", 400, "bad_note"),
    ("/flags", {"image_id": 1, "note": "a\u0000b"}, "k", 400, "bad_request"),
    ("/flags", {"image_id": 1, "note": "\ud800"}, "k", 400, "bad_request"),
    ("/flags", {"image_id": 1}, "k", 400, "bad_request"),
    ("/flags", {"image_id": 1, "note": "x"}, None, 400, "no_key"),
    ("/flags", {"image_id": 10**6, "note": "x"}, "k", 404, "unknown_image"),
    ("/flags/77/resolve", {}, None, 404, "unknown_flag"),
    (f"/flags/{10**30}/resolve", {}, None, 404, "not_found"),
]


def test_what_is_no_flag_is_told(server: Server):
    client = server.client()
    for path, body, key, status, code in REFUSED:
        answer = client.post(path, body, key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), body
