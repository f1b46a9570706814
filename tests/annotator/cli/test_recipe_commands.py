"""The annotator's commands in docs/recipes run as written, up to the snapshot; tests/trainer runs the trainer's."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from annotator.sample_faces import draw_faces
from tests.support.commands import call
from tests.support.paths import CHECKOUT
from tests.support.serving import Client

DOCS = CHECKOUT / "docs"
RECIPES = sorted((DOCS / "recipes").glob("s*.md"))


def blocks(recipe: Path, language: str) -> list[str]:
    fences = re.findall(r"^```(\w*)\n(.*?)^```", recipe.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [block for kind, block in fences if kind == language]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the recipes start from: photos/, videos/ of two of them, celeba/ with its lists."""
    folder = tmp_path_factory.mktemp("recipes")
    draw_faces(folder / "photos", 6, size=256)
    (folder / "photos/answers.csv").unlink()
    names = sorted(path.name for path in (folder / "photos").iterdir())
    (folder / "videos").mkdir()
    for name in names[:2]:
        picture = cv2.imread(str(folder / "photos" / name))
        assert picture is not None
        film = cv2.VideoWriter(
            str(folder / f"videos/{name[:4]}.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 5, (256, 256)
        )
        for shift in (0, 9):
            film.write(cv2.resize(picture[:, shift:], (256, 256)))
        film.release()
    shutil.copytree(folder / "photos", folder / "celeba/images")
    rows = "".join(f"{name} {1 if number % 2 else -1} -1\n" for number, name in enumerate(names))
    (folder / "celeba/list_attr_celeba.txt").write_text(f"{len(names)}\nMale Young\n{rows}")
    (folder / "celeba/identity_CelebA.txt").write_text("".join(f"{name} {name[:4]}\n" for name in names))
    (folder / "docs").symlink_to(DOCS)
    return folder


def serve_once(arguments: list[str]) -> int:
    """Run `serve` or `up` until it answers, and return how many images it has."""
    command = [sys.executable, "-m", "annotator", *arguments, "--port", "0", "--no-open"]
    environment = os.environ | {"FACELABEL_WORKER": "0", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        address = None
        while address is None:
            said = running.stdout.readline()
            assert said, "it ended before it served"
            address = re.search(r"at (http://[\d.]+:\d+)/", said)
        images: int = Client(address[1]).get("/progress")["images"]
        running.terminate()
        running.stdout.read()
    return images


def expanded(word: str) -> list[str]:
    """A word of a line as a shell gives it to the command."""
    return sorted(map(str, Path().glob(word))) if "*" in word else [word]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.stem)
def test_the_annotators_lines_of_a_recipe_lead_to_a_snapshot(
    recipe: Path, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for source in drawn.iterdir():
        (tmp_path / source.name).symlink_to(source)
    for schema in blocks(recipe, "toml"):
        Path("who.toml").write_text(schema, encoding="utf-8")
    lines = [line for block in blocks(recipe, "") for line in block.splitlines()]
    ours = [line for line in lines if line.startswith("facelabel ") and " trainer " not in line]
    assert ours, "a recipe starts with photos, not with a snapshot"
    for line in ours:
        arguments = shlex.split(line)[1:]
        named = [part for word in arguments for part in expanded(word)]
        if named[0] == "serve" and recipe is not RECIPES[0]:
            continue  # tried with the first recipe
        if named[0] in {"serve", "up"}:
            assert serve_once(named) >= 4
        else:
            call(*named).assert_done()
    counts = json.loads(Path("SNAPSHOT/manifest.json").read_bytes())["counts"]
    assert counts["images"] >= 4
    if recipe.stem == "s0":
        assert counts["groups"] == 2, "a group per video"


def test_every_line_of_a_recipe_is_a_command_of_ours():
    for recipe in RECIPES:
        for block in blocks(recipe, ""):
            for line in block.splitlines():
                assert line.startswith(("facelabel ", "python -m benchmarks lessons")), (
                    f"{recipe.name}: {line}"
                )
