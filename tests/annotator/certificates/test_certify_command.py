"""`facelabel certify`: what could be filled, a certificate from its sample to its filled cells, and the undo."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotator.project import ProjectFolder
from tests.support.commands import call
from tests.support.projects.certificates import LABELLED, answer_sample, certifiable

IMAGES = 420
TARGET = ("--error", "5%", "--recall", "none")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectFolder]:
    made = certifiable(tmp_path / "project", IMAGES)
    yield made
    made.database.close()


def certify(project: ProjectFolder, *arguments: str) -> dict:
    done = call("certify", *arguments, "--json", "-p", project.path)
    done.assert_done()
    return json.loads(done.out)


def test_a_certificate_from_its_plan_to_its_undo(project: ProjectFolder):
    preview = certify(project, *TARGET, "--preview")
    [plan] = preview["plans"]
    assert (plan["attribute"], plan["open"], plan["attempt"]) == ("glasses", IMAGES - LABELLED, 1)
    assert plan["possible"]
    assert 20 < plan["answers"] < 150
    assert plan["cells"] > 150
    assert preview["certificates"] == []

    [running] = certify(project, *TARGET)["certificates"]
    assert (running["state"], running["answered"]) == ("sampling", 0)
    assert running["sample"] == plan["answers"]
    answer_sample(project, 1)
    [filled] = certify(project, *TARGET)["certificates"]
    assert filled["state"] == "filled"
    assert filled["cells"] > 150
    assert filled["plan"]["filled_if_passed"] == plan["cells"]  # the forecast is kept beside what happened
    assert f"{filled['cells']} cells are filled" in filled["sentence"]

    done = call("certify", "--undo", "-p", project.path)
    done.assert_done()
    assert "glasses: certificate 1 is undone; its cells are open again." in done.out
    again = certify(project, *TARGET, "--preview")
    assert again["plans"][0]["attempt"] == 2
    assert again["certificates"][0]["state"] == "undone"


def test_a_sample_with_errors_fills_nothing_and_says_why(project: ProjectFolder):
    certify(project, *TARGET)
    answer_sample(project, 1, wrong=IMAGES)
    done = call("certify", *TARGET, "-p", project.path)
    done.assert_done()
    assert "glasses: certificate 1 is failed. Nothing is filled: the sample showed" in done.out


def test_an_attribute_that_cannot_be_filled_is_never_silent(tmp_path: Path):
    small = certifiable(tmp_path / "project", 60)
    done = call("certify", "-p", small.path)
    done.assert_done()
    assert "Glasses cannot be planned yet: about" in done.out
    assert certify(small, "--preview")["certificates"] == []
    small.database.close()


def test_wrong_use_is_told_in_sentences(project: ProjectFolder):
    for arguments, code, words in (
        (("--error", "150%"), 2, "no share between 0 and 1"),
        (("--attribute", "nose"), 1, "no attribute 'nose'"),
        (("--attribute", "wrinkles", "--preview"), 1, "No predictions answer wrinkles"),
        (("--undo",), 1, "No certificate is running or filled"),
        (("--undo", "--preview"), 2, "not both"),
    ):
        call("certify", *arguments, "-p", project.path).assert_refused(code, words)


def test_a_project_without_predictions_says_what_to_do(filled: ProjectFolder):
    done = call("certify", "-p", filled.path)
    done.assert_done()
    assert "No model has answered the open images yet" in done.out
