"""Serving a project: the web server, and the worker it starts and watches."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
import threading
import webbrowser
from types import FrameType

import click
from waitress.server import create_server

from annotator.app import create_app
from annotator.config import Settings
from annotator.errors import FacelabelError, WrongUse
from annotator.project import ProjectFolder
from annotator.services.accounts import has_accounts
from annotator.web.http.security import LOCAL_NAMES

_LONGEST_PAUSE_SECONDS = 30.0
_PATIENCE_SECONDS = 10.0
_log = logging.getLogger("facelabel")


def serve(project: ProjectFolder, settings: Settings, *, open_browser: bool = False) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        FacelabelError: if the address cannot be listened on.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a request that waits a moment is no news
    _check_audience(project, settings)
    app = create_app(project, settings)
    try:
        server = create_server(
            app,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            ident="facelabel",
            clear_untrusted_proxy_headers=True,
        )
    except OSError as error:
        raise _cannot_listen(settings, error) from error
    except ValueError as error:  # what waitress makes of a name that does not resolve
        raise _cannot_listen(settings, OSError(errno.EADDRNOTAVAIL, "no such address")) from error
    port = getattr(server, "effective_port", settings.port)
    url = f"http://{settings.host}:{port}/"
    keeper = WorkerKeeper(project)
    signal.signal(signal.SIGTERM, _interrupt)
    if settings.worker:
        keeper.start()
    click.echo(f"{project.name} is served at {url}  (Ctrl+C stops)")
    if open_browser and _has_screen():
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    try:
        server.run()
    finally:
        server.close()
        keeper.stop()


def _check_audience(project: ProjectFolder, settings: Settings) -> None:
    """Without accounts there is no login, so nobody else may reach the server."""
    with project.database.read() as session:
        if settings.host in LOCAL_NAMES or has_accounts(session):
            return
    raise WrongUse(
        "no_accounts",
        f"{settings.host} can be reached from other machines, and nobody would have to log in.",
        do="Make an account first: `facelabel users add NAME --role admin`.",
    )


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _has_screen() -> bool:
    """Whether a browser window can open: without a screen one would be started inside this terminal."""
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


class WorkerKeeper:
    """Keeps one worker process running: starts it again when it dies, later and later if it dies at once.

    The worker ends by itself when this process is gone.
    """

    def __init__(self, project: ProjectFolder) -> None:
        self._project = project
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="worker-keeper", daemon=True)

    def start(self) -> None:
        """Start the worker and watch it."""
        self._thread.start()

    def stop(self) -> None:
        """End the worker, if it was started; a round that it was at goes on with the next worker."""
        if not self._thread.is_alive():
            return
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._thread.join()

    def _keep(self) -> None:
        pause = 0.5
        command = [
            sys.executable,
            "-m",
            "annotator",
            "worker",
            "--project",
            str(self._project.path.resolve()),
        ]
        while not self._stopping.is_set():
            self._process = subprocess.Popen([*command, "--parent", str(os.getpid())])
            code = self._process.wait()
            if self._stopping.wait(pause):
                return
            _log.warning("the worker ended with code %s and is started again", code)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
