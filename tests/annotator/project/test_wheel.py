"""The wheel and the image contain everything that a project needs, and work outside the checkout."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import requests

from tests.support.dockerfile import copy_context, extras, instructions, run_step
from tests.support.serving import Server


def test_the_steps_of_the_image_make_a_wheel_that_works_from_an_empty_folder(tmp_path: Path, faces: Path):
    copy_context(tmp_path)
    steps = instructions()
    build, install = [argument for name, argument in steps if name == "RUN"]
    # Neither a fresh environment to build in nor the dependencies are fetched.
    run_step(build, tmp_path, PIP_NO_BUILD_ISOLATION="0")
    site, empty = tmp_path / "site", tmp_path / "empty"
    first, *accounts = install.split(" && ")
    assert [command.split()[0] for command in accounts] == ["useradd", "install"]
    run_step(first, tmp_path, EXTRAS=extras(), PIP_NO_DEPS="1", PIP_TARGET=str(site))
    empty.mkdir()
    environment = os.environ | {"PYTHONPATH": str(site)}
    where = [sys.executable, "-c", "import annotator; print(annotator.__file__)"]
    found = subprocess.run(
        where, cwd=empty, env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert found.startswith(str(site))
    for arguments in (
        ["init"],
        ["import", str(faces)],
        ["export", "--to", "out"],
        ["verify", "out"],
        ["doctor"],
    ):
        command = [sys.executable, "-m", "annotator", *arguments]
        subprocess.run(command, cwd=empty, env=environment, check=True, capture_output=True)
    with Server(empty, PYTHONPATH=str(site)) as server:
        page = requests.get(server.url, timeout=60).text
        script = re.search(r'src="(/static/\w+/js/label/page.js)"', page)
        assert script
        assert requests.get(server.url + script[1], timeout=60).status_code == 200
        health = json.loads(dict(steps)["HEALTHCHECK"].partition("CMD ")[2])
        asked = [sys.executable, *health[1:-1], health[-1].replace("8420", str(server.port))]
        subprocess.run(asked, check=True)
    assert subprocess.run(asked, check=False, capture_output=True).returncode != 0
    program, command = (json.loads(dict(steps)[name]) for name in ("ENTRYPOINT", "CMD"))
    helped = [sys.executable, site / "bin" / program[0], *command, "--help"]
    subprocess.run(helped, cwd=empty, env=environment, check=True, capture_output=True)
