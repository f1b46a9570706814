"""The head of every page: five sections, for each role only what it may open, and how many images wait."""

import requests

from annotator.domain.roles import Role
from annotator.web.http.access import ACCESS
from annotator.web.http.navigation import SECTIONS, sections_for
from tests.support.serving import Server


def titles(role: Role) -> dict[str, list[str]]:
    return {section.title: [page.title for page in section.pages] for section in sections_for(role)}


def test_an_admin_sees_five_sections_with_all_pages():
    assert titles(Role.ADMIN) == {
        "Label": ["Label", "Sweep", "People"],
        "Images": ["Browse", "Map", "Review", "Groups"],
        "Progress": ["Rounds", "Insights", "Fill with the model"],
        "Team": ["Team", "Access log"],
        "Data": ["Import", "Schema", "Export"],
    }


def test_nobody_is_led_to_a_page_that_they_may_not_open():
    assert titles(Role.REVIEWER)["Data"] == ["Schema", "Export"]
    assert titles(Role.LABELLER)["Images"] == ["Browse", "Map"]
    assert all(page.endpoint in ACCESS for section in SECTIONS for page in section.pages)


def test_the_counts_of_flagged_and_skipped_images(server: Server):
    client = server.client()
    assert client.get("/badges") == {
        "review": {"images": 0, "more": False},
        "skipped": {"images": 0, "more": False},
    }
    first, second = client.next(2)["tasks"]
    skip = {"image_id": first["image_id"], "lease": first["lease"], "values": {}, "skip": True}
    client.post("/annotations", skip, "skip").raise_for_status()
    client.post("/flags", {"image_id": second["image_id"], "note": "Blurred."}, "flag").raise_for_status()
    assert client.get("/badges") == {
        "review": {"images": 1, "more": False},
        "skipped": {"images": 1, "more": False},
    }


def test_the_labels_as_they_are_now_are_one_download(server: Server):
    client = server.client()
    [task] = client.next()["tasks"]
    client.answer(task, {"glasses": 2, "wrinkles": 0, "freckles": 1, "hair_color": 1, "hair_top": 2, "not_human": 0})  # fmt: skip
    name = task["image_name"]
    codes = requests.get(f"{server.url}/export/labels.csv", timeout=60).text.splitlines()
    names = requests.get(f"{server.url}/export/labels.csv?names=1", timeout=60).text
    coursework = requests.get(f"{server.url}/export/annotations.csv", timeout=60).text.splitlines()
    assert (len(codes), f"{name},0,1,2,1,2,0," in codes) == (41, True)
    assert "sunglasses" in names
    assert coursework[1:] == [f"{name},0,1,2,1,2,0"]


def test_an_address_without_a_page_says_so_to_a_person_and_to_a_program(server: Server):
    session = server.client().session
    page = session.get(f"{server.url}/nowhere")
    assert page.status_code == 404
    assert "There is no page at this address." in page.text
    assert "docs/api.md" not in page.text
    assert session.get(f"{server.url}/api/v1/nowhere").json()["error"]["do"] == "See docs/api.md."
