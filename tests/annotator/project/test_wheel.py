"""The wheel contains everything that a project needs, and works outside the checkout."""

import os
import re
import subprocess
import sys
from pathlib import Path

import requests

from tests.support.paths import CHECKOUT
from tests.support.serving import Server


def test_the_wheel_works_from_an_empty_folder(tmp_path: Path, faces: Path):
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path / "wheel"), str(CHECKOUT)]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = (tmp_path / "wheel").glob("facelabel-*.whl")
    site, empty = tmp_path / "site", tmp_path / "empty"
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True, capture_output=True
    )
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
        page = requests.get(server.url, timeout=10).text
        script = re.search(r'src="(/static/\w+/js/label/page.js)"', page)
        assert script
        assert requests.get(server.url + script[1], timeout=10).status_code == 200
