"""The line to the store breaks at any moment while images are shown, imported and read for features."""

from __future__ import annotations

import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image as Picture
from sqlalchemy import select

from annotator.app import create_app
from annotator.config import Settings
from annotator.feature_warmup import FeatureWarmup
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.importing.bucket.watch import BucketWatch
from annotator.store.bucket import StoreUnreachable
from tests.support.projects.images import hashes_of
from tests.support.proxies.cut_line import CutLine
from tests.support.storage.s3 import BUCKET, SECRET, WATCHED, S3Server
from tests.support.storage.watching import list_again, pass_time, watched
from tests.support.waiting import wait_until
from trainer.pixels.files import fetch_missing, read_image_file

TRAFFIC = 60_000
"""More bytes than pass in most trials."""
PROJECTS, TRIALS = 5, 20
"""So many projects, and cuts of each: a trial shows all images of its project, which become more with every trial."""


def compute(files: list, *_: object) -> int:
    """In place of a network: reads the files."""
    for file in files:
        read_image_file(file.path)
    return len(files)


def show(client: FlaskClient, hashes: list[str]) -> list[int]:
    """What the page gets: each image, or a sentence."""
    statuses = []
    for sha256 in hashes:
        with client.get(f"/media/{sha256}.jpg") as answer:
            statuses.append(answer.status_code)
            if answer.status_code == 200:
                assert Picture.open(BytesIO(answer.data)).size[1] == 16
            else:
                assert answer.status_code == 503
                assert "cannot be used now" in answer.get_data(as_text=True)
                assert SECRET not in answer.get_data(as_text=True)
    return statuses


def compute_features(project: ProjectFolder) -> bool:
    """Whether all features are computed; a worker tries again later if not."""
    warmup = FeatureWarmup(project, faces=False, compute=compute)
    try:
        while warmup.run_step():
            pass
    except StoreUnreachable:
        return False
    return warmup.complete


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("project_number", range(PROJECTS))
def test_cut_at_any_moment_all_is_told_and_each_image_is_there_once(
    watching: ProjectFolder,
    s3: S3Server,
    tmp_path: Path,
    soak: bool,
    monkeypatch: pytest.MonkeyPatch,
    project_number: int,
):
    if not soak and project_number > 0:
        pytest.skip("make soak runs it")
    trials = range(project_number * TRIALS, project_number * TRIALS + (TRIALS if soak else 2))
    with CutLine(s3.port) as line, ThreadPoolExecutor(3) as threads:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{line.port}")
        project = ProjectFolder.open(watching.path)
        client = create_app(project, Settings()).test_client()
        for trial in trials:
            chance = random.Random(trial)
            for number in range(3):
                Picture.new("RGB", (17 + trial, 16), (number, trial, 99)).save(tmp_path / "new.png")
                key = f"photos/{trial}-{number}.png"
                s3.client().put_object(Bucket=BUCKET, Key=key, Body=(tmp_path / "new.png").read_bytes())
            pass_time(project)
            shutil.rmtree(project.cache / "store")
            hashes = hashes_of(project)
            line.cut_after(chance.randrange(TRAFFIC))
            work = [
                threads.submit(show, client, hashes),
                threads.submit(BucketWatch(project, Settings()).run_if_due),
                threads.submit(compute_features, project),
            ]
            for one in work:
                one.result()
            [status] = watched(project)
            assert status.problem == "" or "cannot be used now" in status.problem, status.problem
            line.repair()
            wait_until(lambda: set(show(client, hashes)) == {200}, "the page shows all images again")  # noqa: B023
            wait_until(lambda: list_again(project).problem == "", "a listing comes to its end")
            assert len(hashes_of(project)) == 5 + 3 * (trial - trials.start + 1)
            wait_until(lambda: compute_features(project), "all features are computed")
        fetch_missing(None)
        with project.database.read() as session:
            linked = {
                f"{sha}.png.json"
                for sha in session.scalars(select(Image.sha256).where(Image.source == WATCHED))
            }
        assert {key.rpartition("/")[2] for key in s3.keys("team/one/links/")} == linked
        views = {key.rpartition("/")[2] for key in s3.keys("team/one/views/")}
        assert views == {f"{sha256}.jpg" for sha256 in hashes_of(project)}
        project.database.close()
