"""The API of erasures: for admins only, previewed, begun at once, and never shown from what a process remembers."""

import secrets
from collections.abc import Iterator

import pytest
import requests

from annotator.feature_removal import forget_features
from annotator.project import ProjectFolder
from annotator.services.access.tokens import add_token
from annotator.services.accounts import add_account
from annotator.services.erasure.journal import complete_erasures
from tests.support.projects.accounts import PASSWORD
from tests.support.projects.erasing import ERASED, fill
from tests.support.projects.images import image_of
from tests.support.serving import Server


@pytest.fixture
def members(filled: ProjectFolder) -> Iterator[dict[str, requests.Session]]:
    """A session per role, logged in by token, on a server without a worker."""
    fill(filled)
    with filled.database.write() as session:
        for role in ("admin", "reviewer"):
            add_account(session, role.title(), role, PASSWORD)
        tokens = {role: add_token(session, role.title(), "a test") for role in ("admin", "reviewer")}
    with Server(filled.path) as server:
        members = {role: requests.Session() for role in tokens}
        for role, session in members.items():
            session.headers["Authorization"] = f"Bearer {tokens[role]}"
            session.base = f"{server.url}/api/v1"  # type: ignore[attr-defined]
        yield members


def test_an_admin_previews_and_erases_and_everybody_else_is_refused(
    members: dict[str, requests.Session], filled: ProjectFolder
):
    admin, reviewer = members["admin"], members["reviewer"]
    base, number = admin.base, image_of(filled, ERASED)  # type: ignore[attr-defined]
    body = {"what": "images", "images": [number]}
    for path in ("erasures", "erasures/preview"):
        assert reviewer.post(f"{base}/{path}", json=body, headers={"Idempotency-Key": "r"}).status_code == 403
    preview = admin.post(f"{base}/erasures/preview", json=body).json()
    assert (preview["images"], preview["first_images"], preview["rows"]["annotations"]) == (1, [ERASED], 7)
    assert admin.get(f"{base}/images/{number}").status_code == 200
    key = {"Idempotency-Key": secrets.token_hex(8)}
    erased = admin.post(f"{base}/erasures", json=body, headers=key)
    assert (erased.status_code, erased.json()["state"]) == (201, "begun")
    assert admin.post(f"{base}/erasures", json=body, headers=key).json() == erased.json()
    assert admin.get(f"{base}/images/{number}").status_code == 404
    assert admin.post(f"{base}/erasures/preview", json=body).status_code == 404
    queue = admin.post(f"{base}/tasks/next", json={"count": 40}).json()["tasks"]
    assert number not in {task["image_id"] for task in queue}
    assert complete_erasures(filled, forget_features)
    shown = admin.get(f"{base}/erasures/{erased.json()['id']}").json()
    assert shown["state"] == "done"
    assert ERASED not in str(shown)
    assert admin.get(f"{base}/erasures").json() == {"erasures": [shown]}
    assert admin.get(f"{base}/images").json()["images"]
