"""Browsers get views from the store itself, by addresses that live for seconds."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask

from annotator.app import create_app
from annotator.config import Settings
from annotator.errors import WrongUse
from annotator.project import ProjectFolder
from tests.support.projects.accounts import PASSWORD, users_command
from tests.support.projects.images import hashes_of
from tests.support.storage.s3 import SECRET, S3Server

IMAGE = {"Sec-Fetch-Dest": "image"}


def signing(project: ProjectFolder) -> Flask:
    """The app with the setting."""
    return create_app(project, Settings(store_signed_seconds=60))


def test_an_image_element_is_sent_to_a_signed_address(stored: ProjectFolder):
    client = signing(stored).test_client()
    [sha256, *_] = hashes_of(stored)
    answer = client.get(f"/media/{sha256}.jpg", headers=IMAGE)
    assert answer.status_code == 302
    assert answer.headers["Cache-Control"] == "private, no-store"
    address = answer.headers["Location"]
    assert SECRET not in address
    asked = parse_qs(urlsplit(address).query)
    assert (asked["X-Amz-Expires"], asked["X-Amz-Algorithm"]) == (["60"], ["AWS4-HMAC-SHA256"])
    assert client.get(f"/media/{sha256}.jpg", headers=IMAGE).headers["Location"] == address
    shown = requests.get(address, timeout=60)
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/jpeg")
    assert shown.headers["Cache-Control"] == "private, max-age=60"
    with client.get(f"/media/{sha256}.jpg", headers={"Sec-Fetch-Dest": "empty"}) as for_script:
        assert (for_script.status_code, for_script.data) == (200, shown.content)
    with client.get(f"/media/{sha256}.jpg") as unknown:
        assert unknown.status_code == 200


def test_only_views_are_signed_and_tiles_stay_here(stored: ProjectFolder):
    client = signing(stored).test_client()
    [sha256, *_] = hashes_of(stored)
    address = client.get(f"/media/{sha256}.jpg", headers=IMAGE).headers["Location"]
    assert f"/views/{sha256[:2]}/{sha256}.jpg" in address
    with client.get(f"/media/{sha256}/tiles/0-0-16-16-0-16.jpg", headers=IMAGE) as tile:
        assert tile.status_code == 200
    assert client.get("/media/../facelabel-store.json", headers=IMAGE).status_code == 404
    assert client.get(f"/media/{sha256[:-1]}.jpg", headers=IMAGE).status_code == 404


def test_nobody_gets_an_address_without_logging_in(stored: ProjectFolder):
    users_command(stored.path, "add", "Ada", "--role", "admin", password=PASSWORD)
    client = signing(stored).test_client()
    answer = client.get(f"/media/{hashes_of(stored)[0]}.jpg", headers=IMAGE)
    assert answer.status_code == 401
    assert "Location" not in answer.headers


def test_the_policy_of_pages_names_the_store_for_images_and_nothing_else(stored: ProjectFolder, s3: S3Server):
    before = create_app(stored, Settings()).test_client().get("/browse").headers["Content-Security-Policy"]
    policy = signing(stored).test_client().get("/browse").headers["Content-Security-Policy"]
    store = s3.environment["AWS_ENDPOINT_URL"]
    assert store not in before
    assert policy == before.replace("img-src 'self'", f"img-src 'self' {store}")


def test_a_project_in_a_folder_serves_its_views_itself(filled: ProjectFolder):
    client = signing(filled).test_client()
    with client.get(f"/media/{hashes_of(filled)[0]}.jpg", headers=IMAGE) as answer:
        assert answer.status_code == 200


def test_a_store_that_cannot_sign_is_refused_at_the_start(project: ProjectFolder):
    project.store_file.write_text("gs://bucket/faces")
    with pytest.raises(WrongUse, match="only possible with s3"):
        signing(project)
