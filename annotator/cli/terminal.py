"""What all commands share: the project option, lengths of time, errors, JSON output, progress bars."""

from __future__ import annotations

import errno
import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from annotator.config import Settings
from annotator.database import database_failure
from annotator.errors import FacelabelError, WrongUse
from annotator.project import ProjectFolder

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

Function = TypeVar("Function", bound=Callable[..., Any])

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# Names of files and values are shown as they are: `:glasses:` is no picture of glasses.
errors = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def report_expected(error: Exception) -> int | None:
    """Print an expected error and return the exit code of the command; None for any other error."""
    expected = error if isinstance(error, FacelabelError) else database_failure(error)
    if expected is not None:
        _print_error(expected)
        return expected.exit_code
    if isinstance(error, OSError) and error.errno in _FULL:
        _print_error(
            FacelabelError(
                "no_output",
                f"The output could not be written: {error.strerror}.",
                kept="What the command did before is kept.",
                do="Make room where the output goes, and call the command again.",
            )
        )
        return 1
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        message = first["msg"].removeprefix("Value error, ")
        _print_error(WrongUse("bad_setting", f"FACELABEL_{name}: {message}.", do="Set it to another value."))
        return 2
    return None


def _print_error(error: FacelabelError) -> None:
    if click.get_current_context().meta.get("facelabel.json"):
        click.echo(json.dumps(error.as_dict(), ensure_ascii=False))
    errors.print(error.what, style="bold red", markup=False)
    for line in (error.kept, error.do):
        if line:
            errors.print(line, markup=False)


def project_option(function: Function) -> Function:
    """Add the option --project; the command gets the folder as `project`."""
    return click.option(
        "--project",
        "-p",
        type=click.Path(path_type=Path, file_okay=False),
        callback=lambda _ctx, _param, value: value if value is not None else Settings().project,
        help="The project folder.  [default: FACELABEL_PROJECT, or the current folder]",
    )(function)


class Number(click.FloatRange):
    """A number within bounds, which a text such as nan is not: it is neither below nor above them."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """Return the number, or end the command."""
        number = float(super().convert(value, parameter, context))
        return (
            number if math.isfinite(number) else self.fail(f"{value!r} is not a number.", parameter, context)
        )


def json_option(function: Function) -> Function:
    """Add the option --json; the command gets it as `as_json`."""

    def remember(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
        context.find_root().meta["facelabel.json"] = value
        return value

    return click.option(
        "--json", "as_json", is_flag=True, callback=remember, help="Print the result as JSON."
    )(function)


class Every(click.ParamType[timedelta]):
    """A length of time such as 12h, 1d or 2w; `off` gives None's stand-in, a length of zero."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        if value == "off":
            return timedelta()
        found = re.fullmatch(r"(\d{1,4})([mhdw])", str(value))
        length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
        if not timedelta(minutes=1) <= length <= timedelta(days=366):
            self.fail(f"{value!r} is not a time such as 12h, 1d or 2w, or off.", param, ctx)
        return length


def open_project(path: Path) -> ProjectFolder:
    """Open the project in a folder.

    Raises:
        FacelabelError: if there is none; it says how to make one.
    """
    return ProjectFolder.open(path)


def one_line(name: str) -> str:
    """A name with line breaks and terminal control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def print_json(value: Any) -> None:
    """Print a result for programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


class ProgressBar:
    """A progress bar on stderr, called with done and total."""

    def __init__(self, bar: Progress, description: str) -> None:
        self._bar = bar
        self._task = bar.add_task(description, total=None)

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        self._bar.update(self._task, completed=done, total=total)

    def restart(self, description: str) -> None:
        """Begin another activity."""
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(description, total=None)

    def end(self) -> None:
        """Remove a bar that never had anything to count, such as that of images in an import of a table."""
        if any(task.id == self._task and task.total is None for task in self._bar.tasks):
            self._bar.remove_task(self._task)

    def confirm(self, question: str) -> bool:
        """Ask for yes or no, yes by default, while the bar is hidden."""
        self._bar.stop()
        try:
            return click.confirm(question, default=True, err=True)
        finally:
            self._bar.start()


@contextmanager
def progress_bar(description: str) -> Iterator[ProgressBar]:
    """A progress bar on stderr while something runs."""
    with _bar() as bar:
        progress = ProgressBar(bar, description)
        try:
            yield progress
        finally:
            progress.end()


@contextmanager
def stage_bar() -> Iterator[Callable[[str, int, int, str], None]]:
    """A progress bar per stage; yields a function of stage, done, total and a message."""
    with _bar() as bar:
        tasks: dict[str, Any] = {}

        def update(stage: str, done: int, total: int, message: str) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=None)
            bar.update(tasks[stage], completed=done, total=total, description=f"{stage:<9} {message}")

        yield update


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=errors,
    )
