"""Eight labellers share the images, a thousand in `make soak`, and no two of them hold the same one."""

from functools import partial
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from annotator.services.access.tokens import add_token
from annotator.services.accounts import add_account
from tests.support.labelling_team import Team
from tests.support.projects.database_checks import select_rows
from tests.support.projects.images import LIMITS, draw_plain_images, import_images
from tests.support.serving import Server
from tests.support.waiting import wait_until


def test_eight_labellers_never_hold_the_same_image(
    project: ProjectFolder, tmp_path: Path, soak: bool
) -> None:
    count = 1000 if soak else 200
    draw_plain_images(tmp_path / "images", count)
    import_images(project, [tmp_path / "images"], LIMITS)
    with Server(project.path) as server:
        with Team(tmp_path / "team", server.port, "whole") as team:
            team.finish(120)
        progress = server.client().get("/progress")
    given = [line["given"] for line in team.noted("given")]
    assert len(given) == len(set(given)) == count
    assert all(log.read_text() for log in team.logs), "a labeller was given nothing"
    assert (progress["done"], progress["open"]) == (count, 0)
    run = partial(select_rows, project.database)
    assert run("SELECT count(*) FROM submissions WHERE NOT late") == [(count,)]
    assert run("SELECT count(*) FROM annotations") == [(6 * count,)]
    assert run("SELECT count(*) FROM leases") == [(0,)]


@pytest.mark.timeout(1200)
def test_no_answer_is_lost_when_two_of_eight_labellers_outstay_their_leases(
    project: ProjectFolder, tmp_path: Path, soak: bool
) -> None:
    count = 1000 if soak else 100
    draw_plain_images(tmp_path / "images", count)
    import_images(project, [tmp_path / "images"], LIMITS)
    with project.database.write() as session:
        for number in range(8):
            # The slow two wait until others have answered, which only reviewers see.
            role = "reviewer" if number < 2 else "labeller"
            add_account(session, f"labeller {number}", role, "a long enough password")
        tokens = [add_token(session, f"labeller {number}", "trial") for number in range(8)]
    with (
        Server(project.path, FACELABEL_LEASE_SECONDS="1") as server,
        Team(tmp_path / "slow", server.port, "slow", 2, tokens[:2]) as slow,
    ):
        # The others begin when these hold images: all of those are answered late.
        wait_until(lambda: all(log.read_text() for log in slow.logs), "both slow labellers were given work")
        with Team(tmp_path / "quick", server.port, "whole", 6, tokens[2:]) as quick:
            quick.finish(900)
            slow.finish(60)
    given = [line["given"] for team in (slow, quick) for line in team.noted("given")]
    answered = [line["acknowledged"] for team in (slow, quick) for line in team.noted("acknowledged")]
    late = [line["acknowledged"] for line in slow.noted("acknowledged") if line["answer"]["late"]]
    assert len(set(given)) == count
    assert len(given) == len(answered)
    assert len(late) >= 2
    run = partial(select_rows, project.database)
    in_time = run("SELECT image_id FROM submissions WHERE NOT late")
    assert len(in_time) == len(set(in_time)) == count
    assert {key for (key,) in run("SELECT key FROM submissions WHERE late")} >= set(late)
    assert run("SELECT count(*) FROM submissions") == [(len(answered),)]
    # Nothing is lost: every answer has its six annotations, and late ones are opinions beside the label.
    assert run("SELECT count(*) FROM annotations") == [(6 * len(answered),)]
    opinions = "SELECT count(*) FROM annotations a JOIN submissions s ON s.id = a.submission_id WHERE "
    assert run(f"{opinions} s.late != (a.origin = 'opinion')") == [(0,)]
    labels = "SELECT count(*) FROM labels l JOIN annotations a ON a.id = l.annotation_id"
    assert run(f"{labels} JOIN submissions s ON s.id = a.submission_id WHERE NOT s.late") == [(6 * count,)]
