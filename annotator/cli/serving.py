"""serve, worker, up, openapi.

The web app and the worker are imported in the commands that need them, because importing them takes longer than everything else.
"""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import click

from annotator.cli.importing import heads_option, run_image_import
from annotator.cli.terminal import Function, open_project, print_json, progress_bar, project_option
from annotator.config import Settings
from annotator.database.link import named_database
from annotator.errors import WrongUse
from annotator.formats.import_formats import recognise
from annotator.logs import set_up_logging
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.common.job_queue import KINDS, parse_kinds
from annotator.services.common.progress import read_progress
from annotator.services.importing.source_files import require_images
from annotator.services.projects import existing_paths, init_project, remove_new_project

NICENESS = 10
"""The niceness of the worker and of the processes that it starts."""


def address_options(command: Function) -> Function:
    """Add the options that say where the server is reached; the command gets them as keyword arguments for `_settings`."""
    options = (
        click.option("--host", help="The address to listen on.  [default: 127.0.0.1]"),
        click.option(
            "--port", type=click.IntRange(0, 65535), help="The port; 0 chooses a free one.  [default: 8420]"
        ),
        click.option(
            "--name",
            "names",
            multiple=True,
            help="A name or address by which colleagues call the server, besides --host; repeatable.",
        ),
        click.option(
            "--public-url",
            help="The URL that people open, such as https://label.example.org, behind a proxy.",
        ),
        click.option(
            "--trusted-proxy",
            "trusted_proxies",
            multiple=True,
            metavar="ADDRESS",
            help="The address or network of a proxy whose X-Forwarded-For names the client; repeatable.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("serve")
@address_options
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    help="So many web processes share the address; several need the extra `server`.  [default: FACELABEL_PROCESSES, or 1]",
)
@click.option(
    "--worker/--no-worker",
    default=None,
    help="Start a worker beside the server.  [default: FACELABEL_WORKER, or yes]",
)
@click.option(
    "--open/--no-open",
    "open_browser",
    default=False,
    show_default=True,
    help="Open the label page in a browser.",
)
@project_option
def serve_command(project: Path, open_browser: bool, **options: Any) -> None:
    """Serve the project's pages and API, and start a worker for rounds and imports."""
    from annotator.server import serve  # noqa: PLC0415

    serve(open_project(project), _settings(options), open_browser=open_browser)


@click.command("worker")
@click.option(
    "--only",
    metavar="KINDS",
    default="",
    help=f"Take only these kinds of work, with commas between them: {', '.join(KINDS)}.  [default: all]",
)
@click.option("--parent", type=int, hidden=True, help="End when this process is gone.")
@project_option
def worker_command(project: Path, only: str, parent: int | None) -> None:
    """Run queued rounds and imports with low priority. `serve` starts a worker automatically.

    Several workers of a project share the work; a lost one's work goes on elsewhere.
    """
    kinds = parse_kinds(only)
    from annotator.worker import run_worker  # noqa: PLC0415

    set_up_logging(Settings())
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with lower_priority() as normal:
        run_worker(open_project(project), Settings(), stop, parent, normal, kinds)


def lower_priority() -> Executor:
    """Lower the priority of this process: people who label come first, except while they wait for their first suggestions.

    Returns:
        A thread that keeps the priority from before. On Linux each thread has its own; elsewhere this one is slow too.
    """
    before = ThreadPoolExecutor(1, "normal-priority")
    before.submit(os.getpid).result()  # starts the thread, which is not part of what is lowered below
    os.nice(NICENESS)
    return before


@click.command("up")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--samples",
    type=click.IntRange(1, 10_000),
    help="Draw this many sample faces if the project has no images.",
)
@click.option(
    "--schema", type=click.Path(path_type=Path, dir_okay=False), help="The attributes.toml of a new project."
)
@heads_option
@address_options
@click.option(
    "--open/--no-open",
    "open_browser",
    default=True,
    show_default=True,
    help="Open the label page in a browser.",
)
@project_option
def up_command(
    project: Path,
    sources: tuple[Path, ...],
    samples: int | None,
    schema: Path | None,
    faces: bool | None,
    open_browser: bool,
    **address: Any,
) -> None:
    """Start labelling in one step: make the project if there is none, import, serve.

    SOURCE is a folder of images, an archive, a video, or another tool's export.
    """
    if images := [source for source in sources if not source.exists() or recognise(source) == "folder"]:
        require_images(images)
    has_project, before = ProjectFolder(project).exists, existing_paths(project)
    if has_project:
        opened = open_project(project)
    else:
        opened = init_project(project, schema, store=Settings().store, database=named_database())
    try:
        _fill(opened, list(sources), samples, faces)
    except Exception:
        if not has_project and not _has_images(opened):
            remove_new_project(opened, before)  # a source that could not be read leaves nothing behind
        raise
    command = ["serve", "--project", str(project), *_address_arguments(_settings(address))]
    command.append("--open" if open_browser else "--no-open")
    # A new process, so that the memory used by the import is released before the server runs for long.
    os.execv(sys.executable, [sys.executable, "-m", "annotator", *command])  # noqa: S606 - no shell is wanted


@click.command("openapi")
def openapi_command() -> None:
    """Print the OpenAPI description of the HTTP API."""
    from annotator.app import create_app  # noqa: PLC0415
    from annotator.web.http.description import describe_api  # noqa: PLC0415

    print_json(describe_api(create_app(ProjectFolder(Path()), Settings())))


def _settings(address: dict[str, Any]) -> Settings:
    """The settings, with the options that the caller gave, such as those of `address_options`."""
    return Settings(**{name: value for name, value in address.items() if value not in {None, ()}})


def _address_arguments(settings: Settings) -> list[str]:
    """The options of `address_options` that make the same settings."""
    arguments = ["--host", settings.host, "--port", str(settings.port)]
    for name in settings.names:
        arguments += ["--name", name]
    for proxy in settings.trusted_proxies:
        arguments += ["--trusted-proxy", str(proxy)]
    return [*arguments, *(["--public-url", str(settings.public_url)] if settings.public_url else [])]


def _has_images(project: ProjectFolder) -> bool:
    with project.database.read() as session:
        return read_progress(session, 0).images > 0


def _fill(project: ProjectFolder, sources: list[Path], samples: int | None, faces: bool | None) -> None:
    """Import the sources, cut into heads if `faces` is true or it is None and recommended; or draw sample faces.

    Raises:
        WrongUse: if the project has no images afterwards.
    """
    if sources:
        run_image_import(project, sources, faces=faces)
    elif samples and not _has_images(project):
        _import_samples(project, samples)
    if not _has_images(project):
        raise WrongUse(
            "no_images",
            "There are no images to label yet.",
            do="Name images, a folder, an archive or a video: `facelabel up SOURCE`.",
        )


def _import_samples(project: ProjectFolder, count: int) -> None:
    folder = project.path / "samples"
    if not (folder / "answers.csv").exists():
        with progress_bar("drawing sample faces") as progress:
            draw_faces(folder, count, progress=progress)
    # Only the images: answers.csv contains what was drawn, and nobody should be told to import it.
    run_image_import(project, sorted(folder.glob("*.jpg")))
