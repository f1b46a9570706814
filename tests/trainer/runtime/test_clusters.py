"""The examples of deploy/ for clusters call torchrun and the trainer with arguments that both accept."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click import Context
from torch.distributed.run import get_args_parser

from tests.support.paths import CHECKOUT
from trainer.cli import main

DEPLOY = CHECKOUT / "deploy"
STUBS = {
    "scontrol": "printf '%s\\n' node1 node2",
    "srun": 'while [[ $1 == --* ]]; do shift; done; "$@"',
    "torchrun": 'python3 -c "import json, sys; print(json.dumps(sys.argv[1:]))" "$@"',
}
"""What a machine without Slurm lacks; torchrun only prints its arguments."""


def accepted(arguments: list[str]) -> tuple[dict[str, object], dict[str, object]]:
    """The options of torchrun and of the trainer's command, as their own parsers read them."""
    launcher = get_args_parser().parse_args(arguments)
    assert (launcher.module, launcher.training_script) == (True, "trainer")
    name, command, rest = main.resolve_command(Context(main), launcher.training_script_args)
    assert command is not None
    return vars(launcher), command.make_context(name, rest).params


def run_script(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder}:{Path(shutil.which('bash')).parent}:/usr/bin:/bin"
    return subprocess.run(
        ["bash", DEPLOY / "train.sbatch"],
        env=environment | {"PATH": path},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def slurm(tmp_path):
    for name, text in STUBS.items():
        file = tmp_path / name
        file.write_text(f"#!/bin/bash\n{text}\n")
        file.chmod(0o755)
    return tmp_path


def test_the_slurm_job_starts_torchrun_on_its_machines(slurm):
    job = {
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_NNODES": "2",
        "SLURM_GPUS_ON_NODE": "4",
        "SLURM_JOB_ID": "7",
    }
    done = run_script(slurm, SNAPSHOT="/shared/a snapshot", RUN="/shared/run", **job)
    assert done.returncode == 0, done.stderr
    launcher, command = accepted(json.loads(done.stdout))
    assert (launcher["nnodes"], launcher["nproc_per_node"]) == ("2", "4")
    assert (launcher["rdzv_id"], launcher["rdzv_endpoint"]) == ("7", "node1:29500")
    assert (command["snapshot"], command["to"]) == (Path("/shared/a snapshot"), Path("/shared/run"))
    assert command["engine"] == "cnn"


def test_the_slurm_job_says_which_folder_is_missing(slurm):
    done = run_script(slurm, SNAPSHOT="/shared/snapshot")
    assert done.returncode != 0
    assert "RUN: the folder of the round" in done.stderr


def test_the_slurm_job_keeps_the_rules_of_shellcheck():
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(
        ["shellcheck", "--shell=bash", DEPLOY / "train.sbatch"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_kubernetes_job_starts_torchrun_in_all_of_its_pods():
    service, policy, job = yaml.safe_load_all((DEPLOY / "train-kubernetes.yaml").read_text(encoding="utf-8"))
    spec = job["spec"]
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    program, *arguments = container["command"]
    launcher, command = accepted(arguments)
    assert (program, command["engine"]) == ("torchrun", "cnn")
    assert spec["completionMode"] == "Indexed", "each pod has another name"
    assert launcher["nnodes"] == str(spec["completions"]) == str(spec["parallelism"])
    assert launcher["nproc_per_node"] == str(container["resources"]["limits"]["nvidia.com/gpu"])
    name = job["metadata"]["name"]
    host, _, port = str(launcher["rdzv_endpoint"]).partition(":")
    assert (host, port) == (f"{name}-0.{pod['subdomain']}", "29500")
    assert (service["metadata"]["name"], service["spec"]["clusterIP"]) == (pod["subdomain"], "None")
    pods = {"job-name": name}
    assert service["spec"]["selector"] == policy["spec"]["podSelector"]["matchLabels"] == pods
    [[allowed]] = [rule["from"] for rule in policy["spec"]["ingress"]]
    assert allowed["podSelector"]["matchLabels"] == pods, "nobody else reaches the processes"
    mounted = [Path(mount["mountPath"]) for mount in container["volumeMounts"]]
    assert all(
        any(folder in path.parents for folder in mounted) for path in (command["snapshot"], command["to"])
    )
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }
