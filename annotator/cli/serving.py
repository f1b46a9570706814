"""serve, worker, up, openapi.

The web app and the worker are loaded by the commands that need them: they take longer to load than all the rest together.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from threading import Event

import click

from annotator.cli.importing import run_image_import
from annotator.cli.terminal import open_project, print_json, progress_bar, project_option
from annotator.config import Settings
from annotator.errors import WrongUse
from annotator.formats.import_formats import recognise
from annotator.project import ProjectFolder
from annotator.sample_faces import draw_faces
from annotator.services.common.progress import read_progress
from annotator.services.importing.source_files import require_images
from annotator.services.projects import existing_paths, init_project, remove_new_project


@click.command("serve")
@click.option("--host", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 takes a free one.  [default: 8420]")
@click.option("--open/--no-open", "open_browser", default=False, help="Open the label page in a browser.")
@project_option
def serve_command(project: Path, host: str | None, port: int | None, open_browser: bool) -> None:
    """Serve the label page, with a worker for the rounds."""
    from annotator.server import serve  # noqa: PLC0415

    serve(open_project(project), _settings(host, port), open_browser=open_browser)


@click.command("worker")
@click.option("--parent", type=int, hidden=True, help="End when this process is gone.")
@project_option
def worker_command(project: Path, parent: int | None) -> None:
    """Run the rounds that are queued, with low priority; `serve` starts one by itself."""
    from annotator.worker import NICENESS, run_worker  # noqa: PLC0415

    os.nice(NICENESS)
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_worker(open_project(project), Settings(), stop, parent)


@click.command("up")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--samples",
    type=click.IntRange(1, 10_000),
    help="Draw this many sample faces if there is nothing to label.",
)
@click.option(
    "--schema", type=click.Path(path_type=Path, dir_okay=False), help="An attributes.toml for a new project."
)
@click.option("--host", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 takes a free one.  [default: 8420]")
@click.option("--open/--no-open", "open_browser", default=True, help="Open the label page in a browser.")
@project_option
def up_command(
    project: Path,
    sources: tuple[Path, ...],
    samples: int | None,
    schema: Path | None,
    host: str | None,
    port: int | None,
    open_browser: bool,
) -> None:
    """From nothing to the label page: init if need be, import, serve."""
    if images := [source for source in sources if not source.exists() or recognise(source) == "folder"]:
        require_images(images)
    has_database, before = ProjectFolder(project).database_file.exists(), existing_paths(project)
    opened = open_project(project) if has_database else init_project(project, schema)
    try:
        _fill(opened, list(sources), samples)
    except Exception:
        if not has_database and not _has_images(opened):
            remove_new_project(opened, before)  # nothing is left of a source that could not be read
        raise
    settings = _settings(host, port)
    address = ["--host", settings.host, "--port", str(settings.port)]
    command = ["serve", "--project", str(project), *address, "--open" if open_browser else "--no-open"]
    # A process of its own: what importing needed of memory is given back before the long work of serving begins.
    os.execv(sys.executable, [sys.executable, "-m", "annotator", *command])  # noqa: S606 - no shell is wanted


@click.command("openapi")
def openapi_command() -> None:
    """Print the description of the HTTP API."""
    from annotator.app import create_app  # noqa: PLC0415
    from annotator.web.http.description import describe_api  # noqa: PLC0415

    print_json(describe_api(create_app(ProjectFolder(Path()), Settings())))


def _settings(host: str | None, port: int | None) -> Settings:
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return Settings(**given)  # type: ignore[arg-type]


def _has_images(project: ProjectFolder) -> bool:
    with project.database.read() as session:
        return read_progress(session, 0).images > 0


def _fill(project: ProjectFolder, sources: list[Path], samples: int | None) -> None:
    """Import the sources, or draw sample faces.

    Raises:
        FacelabelError: if there is nothing to label then.
    """
    if sources:
        run_image_import(project, sources)
    elif samples and not _has_images(project):
        _import_samples(project, samples)
    if not _has_images(project):
        raise WrongUse(
            "no_images",
            "There is nothing to label yet.",
            do="Name images, a folder, an archive or a video: `facelabel up SOURCE`.",
        )


def _import_samples(project: ProjectFolder, count: int) -> None:
    folder = project.path / "samples"
    if not (folder / "answers.csv").exists():
        with progress_bar("drawing sample faces") as progress:
            draw_faces(folder, count, progress=progress)
    # The images alone: answers.csv is what was drawn, and nobody is to be told to import it.
    run_image_import(project, sorted(folder.glob("*.jpg")))
