"""The trainer's commands in docs/recipes, run on a small scale: few epochs and images, local weights.

The images are drawn. If the development data is available, real faces are used too: for one recipe, in a soak for all.
"""

import csv
import shlex
import shutil
from itertools import islice, product
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.support.drawn_snapshot import write_snapshot
from tests.support.paths import CHECKOUT
from tests.support.small_run import draw_snapshot
from tests.support.training_commands import call
from trainer.networks import torchvision_models

RECIPES = CHECKOUT / "docs" / "recipes"
LIGHT = ["mobilenet_v2", "resnet18", "googlenet"]
HEAVY = ("inception", "vgg16")
ON_REAL_FACES = "s1"
SMALL = {"epochs": 1, "batch_size": 8, "workers": 0, "threads": 1, "image_size": 96, "head_epochs": 0}


def lines():
    for file in sorted(RECIPES.glob("s*.md")):
        for line in file.read_text().splitlines():
            if line.startswith("facelabel trainer "):
                yield pytest.param(
                    file.stem, line.removeprefix("facelabel trainer "), id=f"{file.stem}: {line[18:70]}"
                )


def real_snapshot(folder, celeba):
    """Write a snapshot of 24 CelebA faces: both values of two attributes occur in train and val."""
    with (celeba / "derived.csv").open(newline="") as stream:
        labelled = [row for row in csv.DictReader(stream) if row["male"] and row["young"]]
    kinds = [[row for row in labelled if (row["male"], row["young"]) == kind] for kind in product("01", "01")]
    rows = []
    (folder / "images").mkdir(parents=True)
    for number, row in enumerate(row for four in islice(zip(*kinds, strict=False), 6) for row in four):
        name = row["image_name"]
        (folder / "images" / name).symlink_to(celeba / "images" / name)
        split = "val" if number >= 16 else "train"
        cells = {"mark": int(row["male"]), "young": int(row["young"])}
        rows.append({"image_name": name, "group": f"image:{name}", "split": split, **cells})
    write_snapshot(folder, rows, attributes={name: {0: "no", 1: "yes"} for name in ("mark", "young")})


@pytest.fixture(scope="module", params=["drawn", pytest.param("real", marks=pytest.mark.shared)])
def place(request, shared, soak, tmp_path_factory):
    """A folder with a snapshot, photos, and weights files under their published names, with random weights."""
    from torchvision import models

    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "real":
        real_snapshot(folder / "SNAPSHOT", shared / "celeba")
    else:
        draw_snapshot(folder / "SNAPSHOT", images=24)
    (folder / "PHOTOS").symlink_to(folder / "SNAPSHOT/images")
    (folder / "PHOTO").symlink_to(min((folder / "SNAPSHOT/images").iterdir()))
    kept = folder / "torch/hub/checkpoints"
    kept.mkdir(parents=True)
    for name in [*LIGHT, "vgg16"] if soak else LIGHT:
        extra = {"init_weights": False} if name == "googlenet" else {}
        weights = models.get_model(name, weights=None, **extra).state_dict()
        torch.save(weights, kept / torchvision_models.facts(name).url.rsplit("/", 1)[1])
    if soak:
        import timm

        weights = timm.create_model("inception_resnet_v2").state_dict()
        save_file(weights, kept / "timm-inception_resnet_v2.tf_in1k.safetensors")
    yield folder
    shutil.rmtree(folder)  # two gigabytes of checkpoints


@pytest.mark.parametrize(("recipe", "line"), list(lines()))
def test_a_line_of_a_recipe_runs(recipe, line, place, soak, monkeypatch):
    line = line if soak else line.replace("vgg16,", "").replace(",googlenet", "")
    if any(name in line for name in HEAVY) and not soak:
        pytest.skip("half a gigabyte of weights: make soak")
    if place.name.startswith("real") and recipe != ON_REAL_FACES and not soak:
        pytest.skip("the same lines on real faces: make soak")
    if not soak:
        line = line.replace(",samplewise,", ",")  # as few runs as a comparison can have
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
    result = call(*arguments)
    assert result.exit_code == 0, result.stderr
    assert "There is no" not in result.stderr
    if "--to" in arguments:
        assert Path(arguments[arguments.index("--to") + 1]).exists()
