"""The documents hold together: links and anchors lead somewhere, and every command and setting is described."""

import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from annotator.cli import main as annotator
from annotator.cli.commands import COMMANDS
from annotator.config import Settings
from tests.support.paths import CHECKOUT
from trainer.cli import main as trainer

PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
LINE_LENGTH = 100


def prose(page: Path) -> Iterator[str]:
    """The lines of a page without its code blocks."""
    fenced = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield line
    assert not fenced, f"{page.name}: a code block has no end"


def links(page: Path) -> list[str]:
    """The targets of all links and pictures; those in `code` are examples."""
    text = re.sub(r"`[^`\n]*`", "", "\n".join(prose(page)))
    return [target for target in LINK.findall(text) if not target.startswith(("https://", "http://"))]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    found: set[str] = set()
    for line in prose(page):
        if heading := re.match(r"#{1,6} (.*)", line):
            shown = LINK.sub(lambda link: link[0][1:].partition("]")[0], heading[1])
            anchor = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
            same = (anchor, *(f"{anchor}-{number}" for number in range(1, 100)))
            found.add(next(name for name in same if name not in found))
    return found


def reached(page: Path, target: str) -> Path:
    """The file that a relative link leads to."""
    return (page.parent / target.partition("#")[0]).resolve() if not target.startswith("#") else page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_relative_link_of_a_page_leads_to_a_file_and_a_heading(page: Path):
    missing = [target for target in links(page) if not reached(page, target).exists()]
    assert missing == []
    lost = [
        target
        for target in links(page)
        if "#" in target and target.partition("#")[2] not in anchors(reached(page, target))
    ]
    assert lost == []


def test_every_page_is_reached_from_the_readme():
    seen, waiting = set(), [CHECKOUT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in seen and page.suffix == ".md":
            seen.add(page)
            waiting.extend(reached(page, target) for target in links(page))
    assert set(PAGES) - seen == set()


def test_every_page_that_the_code_names_exists():
    sources = chain.from_iterable(
        (CHECKOUT / folder).rglob(f"*.{kind}")
        for folder in ("annotator", "trainer", "benchmarks", "tests", "templates", "static")
        for kind in ("py", "js", "html", "toml", "j2")
    )
    named = {name for source in sources for name in re.findall(r"docs/[\w/]+\.md", source.read_text("utf-8"))}
    assert named
    assert {name for name in named if not (CHECKOUT / name).is_file()} == set()


def test_lines_of_prose_are_short_enough_to_read_beside_code():
    long = {
        f"{page.name}: {line[:40]}"
        for page in PAGES
        if page.parent.name != "lab"
        for line in prose(page)
        if len(line) > LINE_LENGTH and " " in line.strip() and not line.startswith(("|", "!["))
    }
    assert long == set()


def test_every_command_is_described():
    described = (CHECKOUT / "docs/start.md").read_text(encoding="utf-8")
    assert [name for name in [*COMMANDS, "trainer"] if f"facelabel {name}" not in described] == []
    described = (CHECKOUT / "docs/train.md").read_text(encoding="utf-8")
    assert [name for name in trainer.commands if f"trainer {name}" not in described] == []


def test_every_setting_is_described():
    described = (CHECKOUT / "docs/serve.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`FACELABEL_{name.upper()}`" not in described] == []


def test_every_endpoint_of_the_api_is_described():
    described = (CHECKOUT / "docs/api.md").read_text(encoding="utf-8")
    description = json.loads(CliRunner().invoke(annotator, ["openapi"], catch_exceptions=False).output)
    endpoints = [
        f"{method.upper()} {path.replace('{number}', '{id}')}"
        for path, methods in description["paths"].items()
        for method in methods
    ]
    assert len(endpoints) > 60
    assert [endpoint for endpoint in endpoints if f"`{endpoint}`" not in described] == []


def commands(page: Path) -> list[list[str]]:
    """The words of every line in a page's code blocks that calls one of the two programs."""
    blocks = re.findall(r"^```\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    calls = [re.sub(r".*python -m trainer ", "facelabel trainer ", line).removeprefix("$ ") for line in lines]
    return [shlex.split(line, comments=True) for line in calls if line.startswith("facelabel ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_command_of_a_page_exists_with_its_options(page: Path):
    for words in commands(page):
        is_trainer = words[1] == "trainer"
        command: click.Command = trainer if is_trainer else annotator
        rest = words[2:] if is_trainer else words[1:]
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), rest.pop(0))
            assert command is not None, words
        known = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert [word for word in rest if re.match(r"--?[a-z]", word) and word not in known] == [], words


@pytest.mark.parametrize(("language", "read"), [("json", json.loads), ("toml", tomllib.loads)])
def test_every_example_of_a_file_can_be_read(language: str, read: Callable[[str], object]):
    examples = [
        block
        for page in PAGES
        for block in re.findall(
            rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
        )
    ]
    assert len(examples) > 3
    for example in examples:
        assert read(example), example


def test_every_path_that_the_architecture_names_exists():
    page = (CHECKOUT / "docs/architecture.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:annotator|trainer|static|templates|alembic|tests|benchmarks)/[\w/.]*)`", page)
    assert len(paths) > 20
    assert [path for path in paths if not (CHECKOUT / path).exists()] == []
