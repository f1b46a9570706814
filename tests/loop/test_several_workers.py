"""Several workers share the work of a project: each job is done once, also when workers are killed, stopped or slow."""

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, insert, select, update

from annotator.database import open_database
from annotator.feature_warmup import FeatureWarmup
from annotator.models import Image, Project, Worker
from annotator.project import ProjectFolder
from annotator.services.common.claims import ERASURE, Duty, LostClaimError, claimed, joined, list_workers
from annotator.services.projects import init_project
from annotator.services.rounds.work_folder import work_folder
from tests.support.commands import call
from tests.support.database.postgres import PostgresServer
from tests.support.forked import processes
from tests.support.projects.images import LIMITS, import_images
from tests.support.waiting import wait_until
from trainer.probe.feature_store import FeatureStore

SOON = 1.0
"""Seconds after which a worker that shows no life is lost here."""


@pytest.fixture
def elsewhere(project: ProjectFolder) -> Iterator[ProjectFolder]:
    """The same project as another process opens it."""
    opened = ProjectFolder.open(project.path)
    yield opened
    opened.database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def pair(
    request: pytest.FixtureRequest, project: ProjectFolder
) -> Iterator[tuple[ProjectFolder, ProjectFolder]]:
    """A project as two processes open it, with its database in a file or in a server."""
    two = ProjectFolder(project.path), ProjectFolder(project.path)
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create_with_tables()
        for opened in two:
            opened.__dict__["database"] = open_database(url)
        with two[0].database.write() as session, project.database.read() as reading:
            row = reading.scalars(select(Project)).one()
            columns = {column.key: getattr(row, column.key) for column in Project.__table__.columns}
            session.execute(insert(Project).values(columns))
    yield two
    for opened in two:
        opened.database.close()
    if request.param == "postgres":
        server.drop(url)


@pytest.fixture
def twelve(tmp_path: Path, faces: Path) -> ProjectFolder:
    """A project with twelve images."""
    made = init_project(tmp_path / "project")
    import_images(made, sorted(faces.glob("*.jpg"))[:12], LIMITS)
    made.database.close()
    return made


def name_project(project: ProjectFolder, name: str) -> None:
    with project.database.write() as session:
        session.execute(update(Project).values(name=name))


def name_of(project: ProjectFolder) -> str:
    with project.database.read() as session:
        return session.scalars(select(Project.name)).one()


def remove_workers(project: ProjectFolder) -> None:
    """Take all workers for lost."""
    with project.database.write() as session:
        session.execute(delete(Worker))


def hold(path: Path, pipe: Connection) -> None:
    """A worker that claims rounds, waits for a message, and then does what its round does."""
    project = ProjectFolder.open(path)
    with joined(project, lost_seconds=SOON):
        try:
            with claimed(project, "train") as held:
                assert held is not None
                with work_folder(project, 1, held) as folder:
                    pipe.send(folder.name)
                    pipe.recv()
                    try:
                        (folder / "model").write_text("of the slow one")
                    except FileNotFoundError:
                        pipe.send("no folder")
                    else:
                        pipe.send("wrote")
                    name_project(project, "slow")
        except LostClaimError:
            pipe.send("lost")
        else:
            pipe.send("done")


def started(project: ProjectFolder) -> tuple[ForkServerProcess, Connection]:
    ours, theirs = processes().Pipe()
    worker = processes().Process(target=hold, args=(project.path, theirs))
    worker.start()
    theirs.close()
    assert ours.recv().startswith(".0001-")
    return worker, ours


def test_what_one_worker_has_claimed_no_other_gets_until_it_is_released(
    pair: tuple[ProjectFolder, ProjectFolder],
):
    project, elsewhere = pair
    with joined(project, ["train"]) as one, joined(elsewhere, ["features"]) as other:
        duty = Duty(one, "backups")
        with claimed(project, "train") as held, duty.taken() as taken:
            assert held is not None
            assert taken
            assert other.claim("train") is None
            assert one.claim("train") is None, "another part of the same process"
        assert other.claim("backups") is None, "a duty is kept between two steps"
        duty.release()
        assert other.claim("backups") is not None
        assert other.claim("train") is not None
        with project.database.read() as session:
            states = list_workers(session)
        assert [(s.kinds, [name for name, _ in s.claims]) for s in states] == [
            (["train"], []), (["features"], ["backups", "train"]),
        ]  # fmt: skip
    with project.database.read() as session:
        assert list_workers(session) == []
    assert list((project.path / "workers").iterdir()) == []


def test_nothing_is_committed_within_a_claim_that_is_lost(pair: tuple[ProjectFolder, ProjectFolder]):
    project, elsewhere = pair
    name_project(project, "before")
    with claimed(project, "train") as held:
        assert held is not None
        name_project(project, "within")
        with ThreadPoolExecutor(1) as another:
            another.submit(remove_workers, elsewhere).result()
        with pytest.raises(LostClaimError):
            name_project(project, "after")
        with claimed(elsewhere, "train") as successor:
            assert successor is not None
    assert name_of(project) == "within"


def test_an_erasure_waits_for_rounds_and_features_and_they_for_it(pair: tuple[ProjectFolder, ProjectFolder]):
    project, elsewhere = pair
    with joined(project) as one, joined(elsewhere) as other:
        held = one.claim("features/frozen/3")
        assert held is not None
        assert other.claim(ERASURE) is None
        one.release(held)
        erasing = other.claim(ERASURE)
        assert erasing is not None
        assert one.claim("features/frozen/3") is None
        assert one.claim("train") is None
        other.release(erasing)
        assert one.claim("train") is not None


def test_the_claims_of_a_killed_worker_are_free_at_once(project: ProjectFolder):
    worker, _ = started(project)
    with claimed(project, "train") as held:
        assert held is None
    worker.kill()
    worker.join()
    with claimed(project, "train") as held:
        assert held is not None


def test_a_worker_that_was_only_slow_has_no_effect_once_another_one_has_its_job(project: ProjectFolder):
    worker, pipe = started(project)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSTOP)
    with joined(project, lost_seconds=SOON):

        def take() -> bool:
            with claimed(project, "train") as held:
                if held is not None:
                    name_project(project, "successor")
                    with work_folder(project, 1, held) as folder:
                        (folder / "model").write_text("of the successor")
                        os.kill(worker.pid, signal.SIGCONT)
                        pipe.send("go on")
                        assert [pipe.recv(), pipe.recv()] == ["no folder", "lost"]
            return held is not None

        wait_until(take, "the stopped worker is lost", 60)
    worker.join()
    assert name_of(project) == "successor"
    assert (project.round_folder(1) / "model").read_text() == "of the successor"


def test_a_worker_that_was_taken_for_lost_joins_again(project: ProjectFolder, elsewhere: ProjectFolder):
    with joined(project, lost_seconds=SOON) as member:
        duty = Duty(member, "groups")
        with duty.taken() as held:
            assert held
        remove_workers(elsewhere)

        def has_it_again() -> bool:
            with suppress(LostClaimError), duty.taken() as held:
                name_project(project, "again")
                return held
            return False

        wait_until(has_it_again, "it has the duty again", 60)
        assert name_of(project) == "again"


def test_kinds_of_work_that_do_not_exist_are_refused_with_the_list(project: ProjectFolder):
    call("worker", "--only", "features, magic", "-p", project.path).assert_refused(
        2, "no kind of work 'magic'", "import, train, features"
    )


def records_of(project: ProjectFolder) -> dict[tuple[str, bytes], bytes]:
    """Every record of the cache by its store and its image; none is there twice."""
    records = {}
    for folder in sorted(file.parent for file in project.cache.glob("*/images.sha256")):
        store = FeatureStore.existing(folder)
        assert store is not None
        keys = [key.tobytes() for key in store.digests()]
        assert len(keys) == len(set(keys))
        records.update(
            {(folder.name, key): row.tobytes() for key, row in zip(keys, store.records(), strict=True)}
        )
    return records


def count(project: ProjectFolder) -> int:
    """The number of records in the cache, also while they are written."""
    return sum(file.stat().st_size // 32 for file in project.cache.glob("*/images.sha256"))


def work(path: Path, arguments: list[str]) -> None:
    os.nice(5)
    call("worker", *arguments, "-p", path)


def test_the_features_have_the_same_bytes_whatever_the_number_of_workers(twelve: ProjectFolder):
    of = []
    for number in (1, 3):
        workers = [
            processes().Process(target=work, args=(twelve.path, ["--only", "features"]))
            for _ in range(number)
        ]
        for worker in workers:
            worker.start()
        wait_until(lambda: count(twelve) == 24, "all features are there", 240)
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
        of.append(records_of(twelve))
        for file in [*twelve.cache.rglob("*")]:
            if file.is_file():
                file.unlink()
    assert of[0] == of[1]


def simulate(files: list[Any], cache: Path, seconds: float, network: Path | None) -> int:
    """Add a record to each image that has none, as slowly as a network would."""
    del network
    store = FeatureStore(cache / "simulated", {"name": "simulated"}, 2)
    until = time.monotonic() + seconds
    rows = store.rows_of([file.sha256 for file in files])
    for place, file in enumerate(files):
        if time.monotonic() > until:
            return place
        if rows[place] < 0:
            time.sleep(0.002)
            store.append([file.sha256], np.full((1, 2), int(file.sha256[:2], 16), np.float16))
    return len(files)


def share(path: Path) -> None:
    """A worker that only computes simulated features, until it is killed."""
    project = ProjectFolder.open(path)
    with joined(project, ["features"], SOON):
        warmup = FeatureWarmup(project, faces=False, compute=simulate)
        while True:
            if not warmup.run_step():
                time.sleep(0.01)


def end(workers: list[ForkServerProcess]) -> None:
    for worker in workers:
        worker.kill()
        worker.join()


def reach(project: ProjectFolder, records: int, images: int) -> None:
    goal = min(records, images)
    wait_until(lambda: count(project) >= goal, f"{goal} images have features", 120)


@pytest.mark.timeout(3600)
def test_features_are_computed_once_however_often_one_of_three_workers_is_killed(
    filled: ProjectFolder, soak: bool
):
    chance = random.Random(1)
    with filled.database.read() as session:
        images = sorted(session.scalars(select(Image.sha256)))

    def start() -> ForkServerProcess:
        worker = processes().Process(target=share, args=(filled.path,))
        worker.start()
        return worker

    workers = [start() for _ in range(3)]
    for _ in range(100 if soak else 10):
        if count(filled) == len(images):  # begin anew
            end(workers)
            assert sorted(key.hex() for _, key in records_of(filled)) == images
            shutil.rmtree(filled.cache)
            workers = [start() for _ in range(3)]
        reach(filled, count(filled) + chance.randrange(1, 12), len(images))
        victim = workers.pop(chance.randrange(len(workers)))
        victim.kill()
        victim.join()
        workers.append(start())
    reach(filled, len(images), len(images))
    end(workers)
    assert sorted(key.hex() for _, key in records_of(filled)) == images
    with claimed(filled, "train"), filled.database.read() as session:
        assert [state.claims[0][0] for state in list_workers(session)] == ["train"], (
            "those of the killed are gone"
        )
