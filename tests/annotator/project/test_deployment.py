"""The image, the services and the unit of deploy/; test_wheel runs the steps of the image."""

import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from annotator.config import Settings
from tests.support.dockerfile import BIN, DEPLOY, extras
from tests.support.paths import CHECKOUT


def test_the_image_keeps_hadolints_rules():
    done = subprocess.run(
        [BIN / "hadolint", "--no-color", DEPLOY / "Dockerfile"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_deployed_can_ask_an_openid_connect_provider():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = set(extras().split(","))
    assert {"train", "oidc"} <= installed <= set(project["optional-dependencies"])
    serve = (CHECKOUT / "docs" / "serve.md").read_text(encoding="utf-8")
    assert f"/opt/facelabel/bin/pip install '.[{extras()}]'" in serve


def test_the_services_name_existing_files_commands_and_settings():
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services = composed["services"]
    assert set(services) == {"web", "worker", "proxy"}
    site = "label.example.org"
    environment = {
        name.removeprefix("FACELABEL_").lower(): re.sub(r"\$\{SITE:.*\}", site, value)
        for name, value in services["web"]["environment"].items()
    }
    settings = Settings(**environment)
    assert set(environment) <= set(Settings.model_fields)
    assert str(settings.public_url) == f"https://{site}/"
    assert not settings.worker
    [subnet] = composed["networks"]["default"]["ipam"]["config"]
    assert [str(network) for network in settings.trusted_proxies] == [subnet["subnet"]]
    assert (DEPLOY / services["web"]["build"]["context"] / services["web"]["build"]["dockerfile"]).is_file()
    assert services["worker"]["command"] == ["worker"]
    caddyfile = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert all(f"{{${name}:" in caddyfile for name in services["proxy"]["environment"])
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert source in composed["volumes"] or (DEPLOY / source).is_file()
    assert "ports" not in services["web"], "only the proxy is reached from outside"


def test_the_unit_is_one_that_systemd_accepts(tmp_path: Path):
    unit = (DEPLOY / "facelabel.service").read_text(encoding="utf-8")
    named = re.findall(r"^Environment=FACELABEL_(\w+)=", unit, re.MULTILINE)
    assert named
    assert {name.lower() for name in named} <= set(Settings.model_fields)
    [command] = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert command == "/opt/facelabel/bin/facelabel serve"
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    file = tmp_path / "facelabel.service"
    file.write_text(unit.replace("/opt/facelabel/bin/facelabel", str(BIN / "facelabel")))
    done = subprocess.run(["systemd-analyze", "verify", file], check=False, capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if fnmatch(line, "*facelabel*")]
    assert (done.returncode, ours) == (0, [])
