"""The command doctor says how the worker computes features."""

import json
from pathlib import Path

from annotator.project import ProjectFolder
from tests.support.commands import call


def findings(project: Path) -> list[dict[str, str]]:
    called = call("doctor", "-p", project, "--json")
    called.assert_done()
    return json.loads(called.out)


def test_doctor_names_what_computes_the_features(filled: ProjectFolder) -> None:
    speeds = {"openvino": 59.8, "torch": 26.4}
    entry = {"deviation": 1e-6, "engine": "openvino", "images per second": speeds}
    kept = filled.cache / "inference.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps({"faces at 192×192 pixels": entry}))
    [told] = [finding for finding in findings(filled.path) if finding["name"] == "features"]
    assert told["detail"] == "openvino (openvino 59.8, torch 26.4 images/s): faces at 192×192 pixels"
    for damaged in ("{", "[]", '{"faces": 1}', '{"faces": {"engine": "torch"}}'):
        kept.write_text(damaged)
        assert "features" not in {finding["name"] for finding in findings(filled.path)}
