"""Eight labellers share a thousand images: everybody is given others."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from annotator.project import ProjectFolder
from annotator.services.images import import_images
from tests.conftest import LIMITS
from tests.loop.team import Team
from tests.serving import Server


def draw_plain_images(folder: Path, count: int) -> None:
    """Small images, each of another colour."""
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (16, 16), (number % 256, number // 256, 0)).save(folder / f"{number:04d}.png")


@pytest.mark.soak
def test_eight_labellers_are_never_given_the_same_of_a_thousand_images(
    project: ProjectFolder, tmp_path: Path
) -> None:
    draw_plain_images(tmp_path / "images", 1000)
    import_images(project, [tmp_path / "images"], LIMITS)
    with Server(project.path) as server:
        with Team(tmp_path / "team", server.port, "whole") as team:
            team.finish(120)
        progress = server.client().get("/progress")
    given = [line["given"] for line in team.noted("given")]
    assert len(given) == len(set(given)) == 1000
    assert all(log.read_text() for log in team.logs), "a labeller was given nothing"
    assert (progress["done"], progress["open"]) == (1000, 0)
    with closing(sqlite3.connect(project.database_file)) as database:
        assert database.execute("SELECT count(*) FROM submissions WHERE NOT late").fetchone() == (1000,)
        assert database.execute("SELECT count(*) FROM annotations").fetchone() == (6000,)
        assert database.execute("SELECT count(*) FROM leases").fetchone() == (0,)
