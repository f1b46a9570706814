"""The steps of deploy/Dockerfile, run without a registry of images: its folders lie below another one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.paths import CHECKOUT

BIN = Path(sys.executable).parent
DEPLOY = CHECKOUT / "deploy"


def instructions() -> list[tuple[str, str]]:
    """The instructions with their arguments, each on one line."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines if line]


def extras() -> str:
    """The extras that the image installs unless somebody chooses others."""
    [argument] = [argument for name, argument in instructions() if name == "ARG"]
    return argument.removeprefix("EXTRAS=")


def copy_context(folder: Path) -> None:
    """Copy what the first stage copies, if the builder gets it, to `source` below a folder."""
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*"
    sent = {line[1:] for line in ignored if line.startswith("!")}
    source = folder / "source"
    source.mkdir()
    for name, argument in instructions():
        if name != "COPY" or argument.startswith("--from"):
            continue
        *paths, place = argument.split()
        for path in paths:
            assert path in sent, f"{path} is not sent to the builder"
            target = source / (Path(path).name if place == "./" else place)
            target.parent.mkdir(parents=True, exist_ok=True)
            if (CHECKOUT / path).is_dir():
                shutil.copytree(CHECKOUT / path, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(CHECKOUT / path, target)


def run_step(step: str, folder: Path, **environment: str) -> None:
    """Run a command of a RUN instruction."""
    path = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["/bin/sh", "-ec", step.replace("/wheel", f"{folder}/wheel")],
        cwd=folder / "source",
        env=os.environ | path | environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
