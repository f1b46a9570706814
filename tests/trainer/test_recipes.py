"""The trainer's lines of docs/recipes run as they stand there, in small: few epochs, small drawn faces, local weights."""

import shlex
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from tests.trainer.small_run import draw_snapshot
from trainer.cli import main
from trainer.networks import torchvision_models

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
LIGHT = ["mobilenet_v2", "resnet18", "googlenet"]
HEAVY = ("inception", "vgg16")
SMALL = {"epochs": 1, "batch_size": 8, "workers": 0, "threads": 1, "image_size": 80, "head_epochs": 0}


def lines():
    for file in sorted(RECIPES.glob("s*.md")):
        for line in file.read_text().splitlines():
            if line.startswith("facelabel trainer "):
                yield pytest.param(
                    file.stem, line.removeprefix("facelabel trainer "), id=f"{file.stem}: {line[18:70]}"
                )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a snapshot, photos, and the published files of weights, which hold random ones."""
    from torchvision import models

    folder = tmp_path_factory.mktemp("recipes")
    draw_snapshot(folder / "SNAPSHOT", images=24)
    (folder / "PHOTOS").symlink_to(folder / "SNAPSHOT/images")
    (folder / "PHOTO").symlink_to(folder / "SNAPSHOT/images/000.png")
    kept = folder / "torch/hub/checkpoints"
    kept.mkdir(parents=True)
    for name in LIGHT:
        extra = {"init_weights": False} if name == "googlenet" else {}
        weights = models.get_model(name, weights=None, **extra).state_dict()
        torch.save(weights, kept / torchvision_models.facts(name).url.rsplit("/", 1)[1])
    return folder


@pytest.mark.parametrize(("recipe", "line"), list(lines()))
def test_a_line_of_a_recipe_does_what_it_says(recipe, line, place, monkeypatch):
    if any(name in line for name in HEAVY):
        line = line.replace("vgg16,", "")
        if any(name in line for name in HEAVY):
            pytest.skip("half a gigabyte of weights")
    monkeypatch.setenv("TORCH_HOME", str(place / "torch"))
    monkeypatch.setenv("FACELABEL_CACHE", str(place / "cache"))
    (place / recipe).mkdir(exist_ok=True)
    for name in ("SNAPSHOT", "PHOTOS", "PHOTO"):
        if not (place / recipe / name).exists():
            (place / recipe / name).symlink_to(place / name)
    monkeypatch.chdir(place / recipe)
    arguments = shlex.split(line.replace("ATTRIBUTE", "mark"))
    if arguments[0] in {"fit", "find-rate", "compare"}:
        arguments += [part for name, value in SMALL.items() for part in ("--set", f"{name}={value}")]
    if arguments[0] == "find-rate":
        arguments += ["--steps", "12"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    assert "There is no" not in result.stderr
    if "--to" in arguments:
        assert Path(arguments[arguments.index("--to") + 1]).exists()
