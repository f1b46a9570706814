"""Several web processes of one project behind one address: gunicorn keeps them running, and waitress answers in each.

gunicorn's master holds the sockets. At SIGHUP it starts new processes and lets the old ones finish what they are at. At SIGUSR2
it starts another master from the installed version, which takes the sockets over and ends this one when it is ready. Nobody who
connects is refused meanwhile: connections wait in the sockets. Waitress in each process keeps the limits of
web/limits/connections, which gunicorn's own kinds of processes do not have.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from typing import Any

import click
from flask import Flask

from annotator.app import create_app
from annotator.config import Settings
from annotator.errors import FacelabelError, WrongUse
from annotator.graceful_stop import STOP_SECONDS, StoppableServer
from annotator.project import ProjectFolder
from annotator.server import (
    CHECK_SECONDS,
    WorkerSupervisor,
    announce,
    listen,
    require_sound,
    waitress_server,
    worker_command,
)
from annotator.web.http.context import context_of
from annotator.web.http.operation import METRICS_FOLDER

try:
    from gunicorn.app.base import BaseApplication
    from gunicorn.arbiter import Arbiter
    from gunicorn.glogging import Logger
    from gunicorn.systemd import sd_notify
    from gunicorn.workers.base import Worker
except ImportError as missing:
    raise WrongUse(
        "no_gunicorn",
        "Several web processes need gunicorn, which is not installed.",
        do="Call `pip install 'facelabel[server]'`, which works on Linux and macOS, or start with one process.",
    ) from missing

_REPLACED = "GUNICORN_PID"
"""The variable by which a master knows the one that it replaces; gunicorn removes it once that one is gone."""
_SILENT_SECONDS = 120
"""After so long without a sign of life a process is killed and replaced."""


def serve_by_processes(project: ProjectFolder, settings: Settings, *, open_browser: bool = False) -> None:
    """Serve by several processes until SIGINT or SIGTERM.

    Args:
        project: the project.
        settings: the address, the number of processes, and whether to start a worker.
        open_browser: open the label page, if there is a screen.

    Raises:
        FacelabelError: if the server cannot listen on the address.
    """
    replaces = _REPLACED in os.environ
    sockets = [] if replaces else listen(settings)
    metrics, main_process = tempfile.mkdtemp(prefix="facelabel-metrics-"), os.getpid()
    os.environ[METRICS_FOLDER] = metrics
    worker = WorkerSupervisor(worker_command(project))
    application = _Application(project, settings, sockets)
    try:
        _Master(application, worker, open_browser=open_browser and not replaces).run()
    finally:
        if os.getpid() == main_process:  # the processes that it forked end here too
            worker.stop()
            shutil.rmtree(metrics, ignore_errors=True)


class ServingProcess(Worker):  # type: ignore[misc]  # gunicorn has no types
    """One web process. gunicorn can be started with this class for an app of `annotator.wsgi`, too."""

    looks_for_damage = True

    def run(self) -> None:
        """Serve until the master says otherwise or is gone."""
        app: Flask = self.wsgi
        served = context_of(app)
        stoppable = StoppableServer(
            waitress_server(app, served.settings, [listener.sock for listener in self.sockets])
        )
        stoppable.stop_on_signals()
        try:
            if self.looks_for_damage:
                served.checkup.start(CHECK_SECONDS)
                require_sound(served.checkup)
            served.recorder.start()
            self._end_replaced_master()
            stoppable.run(lambda: served.checkup.damage or not self._is_wanted())
            require_sound(served.checkup)
        except FacelabelError as error:
            click.echo(str(error), err=True)
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from error  # no other process is started then
        finally:
            served.close()

    def _is_wanted(self) -> bool:
        """Give a sign of life; return whether this process shall go on and the master that started it is there."""
        self.notify()
        return bool(self.alive) and os.getppid() == self.ppid

    @staticmethod
    def _end_replaced_master() -> None:
        if _REPLACED in os.environ:
            with suppress(ProcessLookupError):
                os.kill(int(os.environ[_REPLACED]), signal.SIGTERM)


class _Application(BaseApplication):  # type: ignore[misc]
    """What gunicorn serves, and how."""

    def __init__(self, project: ProjectFolder, settings: Settings, sockets: list[socket.socket]) -> None:
        self.project, self.settings, self._sockets = project, settings, sockets
        self._bound = [f"fd://{listener.detach()}" for listener in sockets]
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's settings."""
        values: dict[str, Any] = {
            "bind": self._bound,
            "workers": self.settings.processes,
            "worker_class": ServingProcess,
            "timeout": _SILENT_SECONDS,
            "graceful_timeout": int(STOP_SECONDS) + 5,
            "logger_class": _Log,
            "control_socket_disable": True,
            "umask": 0o077,
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the app of a process that was forked: with its own connection to the database."""
        return create_app(ProjectFolder(self.project.path), self.settings)


class _Master(Arbiter):  # type: ignore[misc]
    """gunicorn's master, with the project's worker beside it.

    Args:
        application: what is served.
        worker: starts the project's worker.
        open_browser: open the label page.
    """

    handle_int = Arbiter.handle_term  # Ctrl+C lets requests finish; a second one does not

    def __init__(self, application: _Application, worker: WorkerSupervisor, *, open_browser: bool) -> None:
        super().__init__(application)
        self._worker, self._open_browser, self._looks_for_damage = worker, open_browser, True
        self.START_CTX["args"] = [sys.executable, "-m", "annotator", *sys.argv[1:]]

    def start(self) -> None:
        """Begin to serve."""
        super().start()
        sd_notify(f"MAINPID={os.getpid()}", self.log)
        if self.app.settings.worker:
            self._worker.start()
        listening = [listener.sock for listener in self.LISTENERS]
        announce(self.app.project, self.app.settings, listening, open_browser=self._open_browser)
        # Every process opens the database for itself: a connection must not be used on both sides of a fork.
        self.app.project.database.close()

    def spawn_worker(self) -> None:
        """Start a process. The first one after a start or a reload looks for damage: for all, since the database is the same."""
        self.worker_class.looks_for_damage, self._looks_for_damage = self._looks_for_damage, False
        super().spawn_worker()

    def reload(self) -> None:
        """Replace all processes."""
        self._looks_for_damage = True
        super().reload()

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """End all processes, with the exit code of a command that failed if one of them says that none can serve."""
        super().halt(reason, min(exit_status, 1))


class _Log(Logger):  # type: ignore[misc]
    """gunicorn's warnings go where all others go."""

    def setup(self, cfg: Any) -> None:
        """Leave the lines to the handlers of the server's log."""
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
