"""A labeller whose network or server is away: what the page holds, and what arrives in the end."""

from playwright.sync_api import Page

from annotator.project import ProjectFolder
from tests.support.projects.database_checks import select_rows
from tests.support.waiting import wait_until

Pressed = list[tuple[str, dict[str, str]]]
"""The names of images with the codes that were pressed, by attribute."""

SUPPLIED = """count => {
    const [name] = Object.keys(sessionStorage).filter((name) => name.endsWith('tasks'));
    const ahead = JSON.parse(sessionStorage.getItem(name)).slice(0, count + 1);
    const fetched = performance.getEntriesByType('resource').filter((entry) => entry.responseStatus > 0); // 0: it failed
    const loaded = new Set(fetched.map((entry) => new URL(entry.name).pathname));
    return ahead.length > count && ahead.every((task) => loaded.has(task.image_url));
}"""
"""Whether the page holds the image on the screen and so many more, all fetched."""

_COPIED = """async () => {
    const [name] = Object.keys(sessionStorage).filter((name) => name.endsWith('tasks'));
    const held = JSON.parse(sessionStorage.getItem(name) ?? '[]');
    const kept = await Promise.all(held.map((task) => caches.match(task.image_url)));
    return document.documentElement.dataset.offline === 'ready' && kept.length > 5 && kept.every(Boolean);
}"""


def wait_until_copied(page: Page) -> None:
    """Wait until the page has the copy of itself and of the images of all its tasks, from which it opens without a network."""
    wait_until(lambda: page.evaluate(_COPIED), "the page has copied itself and its images")


def assert_arrived_once_and_in_order(project: ProjectFolder, pressed: Pressed) -> None:
    """The database has exactly these answers, each submission once, and none was late."""
    arrived = select_rows(
        project.database,
        "SELECT s.id, i.name, t.name, a.code FROM submissions s JOIN images i ON i.id = s.image_id "
        "JOIN annotations a ON a.submission_id = s.id JOIN attributes t ON t.id = a.attribute_id ORDER BY s.id, a.id",
    )
    assert select_rows(project.database, "SELECT count(*) FROM submissions WHERE late") == [(0,)]
    found: dict[int, tuple[str, dict[str, str]]] = {}
    for number, image, attribute, code in arrived:
        found.setdefault(number, (image, {}))[1][attribute] = str(code)
    assert list(found.values()) == pressed
