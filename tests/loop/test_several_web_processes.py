"""Several web processes of one project: nobody is given another's image, and a restart loses no answer."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psutil
import pytest
import requests
from sqlalchemy import func, select

from annotator.models import Annotation, Lease, Submission
from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from tests.support.database.postgres import PostgresServer
from tests.support.labelling_team import Team
from tests.support.projects.database_checks import annotations_by_key, assert_counts_are_right
from tests.support.projects.images import LIMITS, draw_plain_images, import_images
from tests.support.projects.labelling import ALL
from tests.support.serving import Client, Server
from tests.support.waiting import wait_until

IMAGES, FEW = 1000, 60


@contextmanager
def notices(path: Path) -> Iterator[socket.socket]:
    """What systemd listens on to learn which process is the server's main one."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(str(path))
        listening.settimeout(120)
        yield listening


def main_process(listening: socket.socket) -> psutil.Process:
    """The process that the server names next as its main one."""
    while True:
        if found := re.search(r"MAINPID=(\d+)", listening.recv(4096).decode()):
            return psutil.Process(int(found[1]))


def is_gone(process: psutil.Process) -> bool:
    """Whether a process that is not our child has ended."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def is_replaced(now: set[int], before: set[int]) -> bool:
    return len(now) == 2 and not now & before


def web_processes(master: psutil.Process) -> set[int]:
    return {child.pid for child in master.children()}


@pytest.mark.timeout(3600)
def test_restarts_of_two_processes_lose_no_answer_and_refuse_none(
    filled: ProjectFolder, tmp_path: Path, soak: bool
) -> None:
    with ExitStack() as stack:
        listening = stack.enter_context(notices(tmp_path / "notices"))
        more = {
            "FACELABEL_PROCESSES": "2",
            "FACELABEL_LEASE_SECONDS": "1",
            "NOTIFY_SOCKET": str(tmp_path / "notices"),
        }
        server = Server(filled.path, **more)
        server.start()
        stack.callback(lambda: server.stop(signal.SIGTERM))
        master = main_process(listening)
        assert_both_count(server, master)
        team = stack.enter_context(Team(tmp_path / "team", server.port, "patient", 4))
        for turn in range(20 if soak else 2):
            enough = team.acknowledged() + 40
            wait_until(lambda enough=enough: team.acknowledged() >= enough, f"answers before restart {turn}")
            if turn % 2 == 0:  # new processes of the same version
                before = web_processes(master)
                master.send_signal(signal.SIGHUP)
                wait_until(
                    lambda master=master, before=before: is_replaced(web_processes(master), before),
                    "both processes are new",
                )
            else:  # the installed version, with another main process
                old, _ = master, master.send_signal(signal.SIGUSR2)
                master = main_process(listening)
                stack.callback(lambda master=master: end(master))
                wait_until(lambda old=old: is_gone(old), "the old main process has ended")
        enough = team.acknowledged() + 40
        wait_until(lambda: team.acknowledged() >= enough, "answers after the restarts")
        team.stop()  # no answer had another status than 200
    sent = {line["sent"]: line["body"]["values"] for line in team.noted("sent")}
    acknowledged = {line["acknowledged"] for line in team.noted("acknowledged")}
    kept = annotations_by_key(filled.database)
    assert acknowledged == kept.keys() == sent.keys()
    assert kept == sent
    assert_counts_are_right(filled)


def assert_both_count(server: Server, master: psutil.Process) -> None:
    """Whichever process is asked for the metrics knows the requests of both."""
    wait_until(lambda: len(web_processes(master)) == 2, "both processes run")
    for _ in range(30):
        assert requests.get(f"{server.url}/api/v1/progress", timeout=60).status_code == 200
    text = requests.get(f"{server.url}/metrics", timeout=60).text
    [counted] = re.findall(
        r'facelabel_requests_total{.*route="/api/v1/progress",status="200"} ([\d.]+)', text
    )
    assert float(counted) == 30


def end(process: psutil.Process) -> None:
    """End a server of which nobody here is the parent."""
    if not is_gone(process):
        process.terminate()
        wait_until(lambda: is_gone(process), "the server has ended", 60)


@contextmanager
def own_gunicorn(project: Path, processes: str) -> Iterator[int]:
    """A server that somebody starts by gunicorn itself, as docs/scale.md says; gives its port."""
    kind = ["--worker-class", "annotator.processes.ServingProcess", "--workers", processes]
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--no-control-socket", *kind]
    environment = os.environ | {"FACELABEL_PROJECT": str(project)}
    with subprocess.Popen(
        [*command, "annotator.wsgi:application()"], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        told = (re.search(r"at: http://[\d.]+:(\d+)", line) for line in process.stderr)
        try:
            yield next(int(found[1]) for found in told if found)
        finally:
            process.terminate()
            process.communicate(timeout=60)
    assert process.returncode == 0


def answer_first(port: int) -> int:
    client = Client(f"http://127.0.0.1:{port}")
    [task] = client.next()["tasks"]
    client.answer(task, ALL)
    return int(task["image_id"])


def test_labellers_of_two_servers_with_one_postgresql_are_never_given_the_same_image(
    postgres_server: PostgresServer, tmp_path: Path, soak: bool
) -> None:
    count, size, processes = (IMAGES, 10, "2") if soak else (FEW, 3, "1")
    url = postgres_server.create_with_tables()
    draw_plain_images(tmp_path / "images", count)
    project = init_project(tmp_path / "project", database=url)
    import_images(project, [tmp_path / "images"], LIMITS)
    with ExitStack() as stack:
        server = stack.enter_context(Server(project.path, FACELABEL_PROCESSES=processes))
        other = stack.enter_context(own_gunicorn(project.path, processes))
        ports = server.port, other
        given = [
            answer_first(port) for port in ports
        ]  # however fast the teams are, each server gives an image
        teams = [stack.enter_context(Team(tmp_path / f"team-{port}", port, "whole", size)) for port in ports]
        for team in teams:
            team.finish(300)
    given += [line["given"] for team in teams for line in team.noted("given")]
    assert len(given) == len(set(given)) == count
    with project.database.read() as session:
        in_time = session.scalar(select(func.count()).select_from(Submission).where(~Submission.late))
        answers = session.scalar(select(func.count()).select_from(Annotation))
        leases = session.scalar(select(func.count()).select_from(Lease))
    assert (in_time, answers, leases) == (count, 6 * count, 0)
    project.database.close()
    postgres_server.drop(url)
