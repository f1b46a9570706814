"""Serve a project: the web server, and the worker process that it starts and restarts.

`processes.py` beside this module runs several web processes.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence

import click
from flask import Flask
from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from annotator.addresses import ALL_INTERFACES, LOCAL_NAMES, host_name, urls
from annotator.app import MAX_BODY_BYTES, create_app
from annotator.config import Settings
from annotator.errors import FacelabelError, WrongUse
from annotator.graceful_stop import StoppableServer
from annotator.logs import set_up_logging
from annotator.project import ProjectFolder
from annotator.services.accounts import has_accounts
from annotator.services.importing.uploads import PIECE_BYTES
from annotator.services.monitoring.startup_check import StartupCheck
from annotator.web.http.context import context_of
from annotator.web.http.operation import current_request
from annotator.web.http.start_token import with_token
from annotator.web.limits.connections import limit_connections, server_options

STEADY_SECONDS = 60.0
"""A worker that ran for this long is restarted at once when it ends."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
_STOP_SECONDS = 10.0
"""How long the worker may take to end before it is killed."""
CHECK_SECONDS = 1.0
"""How long the start waits for the check of the database, which then goes on beside the server."""
_WAITING_CONNECTIONS = 1024
_log = logging.getLogger("facelabel")


def serve(project: ProjectFolder, settings: Settings, *, open_browser: bool = False) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        project: the project.
        settings: the address, and whether to start a worker.
        open_browser: open the label page, if there is a screen.

    Raises:
        WrongUse: if other machines could reach the server and nobody would have to log in.
        FacelabelError: if the server cannot listen on the address, or the database is damaged.
    """
    set_up_logging(settings, current_request)
    check_audience(project, settings)
    project.make_private()
    if settings.processes > 1:
        # gunicorn is an extra, and imported only for who asks for it.
        from annotator.processes import serve_by_processes  # noqa: PLC0415

        serve_by_processes(project, settings, open_browser=open_browser)
        return
    app = create_app(project, settings)
    served = context_of(app)
    served.checkup.start(CHECK_SECONDS)  # of a small project, it is complete before anything is served
    require_sound(served.checkup)
    sockets = listen(settings)
    stoppable = StoppableServer(waitress_server(app, settings, sockets))
    worker = WorkerSupervisor(worker_command(project))
    stoppable.stop_on_signals()
    served.recorder.start()
    if settings.worker:
        worker.start()
    announce(project, settings, sockets, open_browser=open_browser)
    try:
        stoppable.run(lambda: served.checkup.damage)
        require_sound(served.checkup)
    finally:
        served.close()
        worker.stop()


def listen(settings: Settings) -> list[socket.socket]:
    """Listen on the address of the settings; a name may have several.

    Raises:
        FacelabelError: if that is not possible.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            settings.host,
            settings.port,
            type=socket.SOCK_STREAM,
            proto=socket.IPPROTO_TCP,
            flags=socket.AI_PASSIVE,
        )
        for family, *_, (host, port, *scope) in found:
            address = (host, port or (sockets[0].getsockname()[1] if sockets else 0), *scope)
            sockets.append(socket.create_server(address, family=family, backlog=_WAITING_CONNECTIONS))
    except socket.gaierror as error:
        raise _cannot_listen(settings, OSError(errno.EADDRNOTAVAIL, "no such address")) from error
    except OSError as error:
        for opened in sockets:
            opened.close()
        raise _cannot_listen(settings, error) from error
    return sockets


def waitress_server(
    app: Flask, settings: Settings, sockets: list[socket.socket]
) -> BaseWSGIServer | MultiSocketServer:
    """Make the server that answers on sockets by an app, within the limits of web/limits/connections."""
    server = create_server(
        app,
        sockets=sockets,
        backlog=_WAITING_CONNECTIONS,
        threads=settings.threads,
        ident="facelabel",
        clear_untrusted_proxy_headers=False,  # web/http/proxies reads them, and must notice those of an unknown proxy
        **server_options(PIECE_BYTES),
    )
    limit_connections(server, MAX_BODY_BYTES, "/api/v1/imports")
    return server


def announce(
    project: ProjectFolder, settings: Settings, sockets: list[socket.socket], *, open_browser: bool = False
) -> None:
    """Print the addresses of the server, and open the first one in a browser if that is wanted and there is a screen."""
    port = sockets[-1].getsockname()[1]
    first, *others = urls(settings.host, port, settings.names, settings.public_url)
    url = with_token(first, project.secret_key()) if _needs_token(project, settings) else first
    click.echo(f"{project.name} is served at {url}  (Ctrl+C stops)")
    for other in others:
        click.echo(f"Colleagues open {other}")
    if open_browser and _has_screen():
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def check_audience(project: ProjectFolder, settings: Settings) -> None:
    """Refuse an address that other machines can reach while there are no accounts, because nobody would have to log in.

    Where the server listens on all interfaces, its address says nothing about what colleagues call it: they must be told.
    """
    with project.database.read() as session:
        is_open = settings.public_url is not None or settings.host not in LOCAL_NAMES
        if is_open and not settings.oidc_issuer and not has_accounts(session):
            raise WrongUse(
                "no_accounts",
                f"Other machines can reach {settings.public_url or settings.host}, and nobody would have to log in.",
                do="Make an account first: `facelabel users add NAME --role admin`.",
            )
    if settings.host in ALL_INTERFACES and not settings.names and settings.public_url is None:
        raise WrongUse(
            "no_names",
            f"{settings.host} is every address of this machine, and the server answers only to names that it knows.",
            do="Say what colleagues call it: --name HOST, several times for several names and addresses, such as "
            f"--name {host_name(socket.gethostname()) or 'label.example.org'}.",
        )


def _needs_token(project: ProjectFolder, settings: Settings) -> bool:
    """Whether a browser needs the start-up token."""
    with project.database.read() as session:
        return settings.start_token and not settings.oidc_issuer and not has_accounts(session)


def require_sound(checkup: StartupCheck) -> None:
    """Refuse to serve a database that was found to be damaged.

    Raises:
        FacelabelError: if it was.
    """
    if (error := checkup.error()) is not None:
        raise error


def _has_screen() -> bool:
    """Whether a browser can open a window; without a screen, a text browser would start in this terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _cannot_listen(settings: Settings, error: OSError) -> FacelabelError:
    address = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return FacelabelError(
            "port_in_use",
            f"Something already listens on {address}, perhaps another `facelabel serve`.",
            do="Use that one, stop it, or choose another port with --port (0 takes a free one).",
        )
    return FacelabelError(
        "cannot_listen", f"Cannot listen on {address}: {error.strerror}.", do="Choose --host and --port."
    )


def worker_command(project: ProjectFolder) -> list[str]:
    """The command that runs a worker, which ends when this process is gone."""
    folder = str(project.path.resolve())
    return [sys.executable, "-m", "annotator", "worker", "--project", folder, "--parent", str(os.getpid())]


def restart_pause(previous: float, ran: float) -> float:
    """Seconds to wait before the worker is restarted.

    Args:
        previous: the pause before its last start; 0 for the first one.
        ran: how long it ran.
    """
    if ran >= STEADY_SECONDS:
        return 0.0
    return min(max(2 * previous, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)


class WorkerSupervisor:
    """Keeps one worker process running, and waits longer before each restart while it keeps ending early.

    Args:
        command: starts the worker.
        pause: gives the seconds before a restart from the previous pause and the seconds that the worker ran.
    """

    def __init__(
        self, command: Sequence[str], pause: Callable[[float, float], float] = restart_pause
    ) -> None:
        self._command, self._pause = command, pause
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._thread = threading.Thread(target=self._keep_running, name="worker-supervisor", daemon=True)

    def start(self) -> None:
        """Start the worker and watch it."""
        self._thread.start()

    def stop(self) -> None:
        """End the worker if it was started. The next worker continues an interrupted round."""
        if not self._thread.is_alive():
            return
        with self._starting:  # no process is started from here on
            self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._thread.join()

    def _keep_running(self) -> None:
        pause = 0.0
        while process := self._start():
            started = time.monotonic()
            code = process.wait()
            pause = self._pause(pause, time.monotonic() - started)
            if self._stopping.wait(pause):
                return
            _log.warning("the worker ended with code %s and is restarted", code)

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._starting:
            if self._stopping.is_set():
                return None
            self._process = subprocess.Popen(self._command)
            return self._process
