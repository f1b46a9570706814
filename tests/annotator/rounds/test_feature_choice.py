"""Probes use the features of a fine-tuned network when the audit set favours them, and every round says why."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from annotator.config import Settings
from annotator.domain.metrics.audit import Measured, measure
from annotator.domain.metrics.feature_choice import advantage
from annotator.formats.snapshot.predictions import PredictionsFile
from annotator.models import Project, Round
from annotator.project import ProjectFolder
from annotator.services.exporting.round_snapshots import RoundSnapshots
from annotator.services.insights.background import NetworkTrials
from annotator.services.rounds.feature_choice import (
    choose_features,
    fall_back_to_frozen,
    network_folder,
    return_to_frozen,
)
from annotator.services.rounds.jobs import start_round
from annotator.services.rounds.networks import network_folder_of
from annotator.worker import run_next_round
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import ALL, Person
from tests.support.projects.reviewing import save_correction
from tests.support.projects.round_results import (
    TRIED,
    add_finished_round,
    add_network_with_errors,
    add_round_with_errors,
    answer_audit_set,
    choose_round_features,
    try_network_with_errors,
)
from tests.support.small_run import CONFIG, register_small
from tests.support.waiting import wait_until
from trainer.finetune.model import build_model
from trainer.finetune.saved_model import save_model
from trainer.rounds.engines import weights_sha256


def test_a_network_that_is_shown_to_be_better_gives_its_features(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    probe, network = add_round_with_errors(filled, truth, 10), add_network_with_errors(filled, truth, 1)
    chosen, reason = choose_round_features(filled)
    assert chosen == network
    assert reason.startswith(
        f"Uses the features of round {network}: on 20 audit images the network of round {network} is 45.0 points better ("
    )
    assert reason.endswith(f"balanced accuracy, mean of 1 attribute) than round {probe}.")


def test_one_that_is_not_shown_to_be_better_does_not(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    probe, network = add_round_with_errors(filled, truth, 3), add_network_with_errors(filled, truth, 2)
    chosen, reason = choose_round_features(filled)
    assert chosen is None
    assert f"round {network} is 5.0 points better (-" in reason
    assert reason.endswith(f"than round {probe}, which does not show an advantage.")
    worse = add_network_with_errors(filled, truth, 12)
    chosen, reason = choose_round_features(filled)
    assert (chosen, f"round {worse} is 45.0 points worse (" in reason) == (None, True)


def test_the_newest_network_is_compared_with_the_newest_round_on_the_frozen_one(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    add_round_with_errors(filled, truth, 10)
    first = add_network_with_errors(filled, truth, 1)
    on_learned = add_round_with_errors(filled, truth, 1)
    with filled.database.write() as session:
        session.execute(update(Round).where(Round.id == on_learned).values(features=first))
    assert choose_round_features(filled)[0] == first, "a probe on its own features is not what it has to beat"
    add_network_with_errors(filled, truth, 9)
    assert choose_round_features(filled)[0] is None


def test_a_return_to_the_frozen_network_holds_until_another_network_is_better(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    add_round_with_errors(filled, truth, 10)
    add_network_with_errors(filled, truth, 1)
    with filled.database.write() as session:
        return_to_frozen(session)
    assert choose_round_features(filled) == (
        None,
        "Uses the frozen network, because somebody returned to it.",
    )
    newer = add_network_with_errors(filled, truth, 0)
    assert choose_round_features(filled)[0] == newer


def test_what_was_decided_stays_when_a_round_is_begun_again(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    add_round_with_errors(filled, truth, 10)
    begun = add_finished_round(filled, None)
    assert choose_features(filled, begun) is None
    network = add_network_with_errors(filled, truth, 1)
    assert choose_features(filled, begun) is None
    later = add_finished_round(filled, None)
    assert choose_features(filled, later) == network_folder(filled, network)
    fall_back_to_frozen(filled, later, "It was changed.")
    assert choose_features(filled, later) is None
    with filled.database.read() as session:
        assert session.get_one(Round, later).features_reason == (
            f"Uses the frozen network, because the network of round {network} cannot be used: It was changed."
        )


def test_without_anything_to_compare_the_frozen_network_stays_and_it_is_said(filled: ProjectFolder):
    assert "no other network has been fine-tuned yet" in choose_round_features(filled)[1]
    truth = answer_audit_set(filled, 20)
    network = add_network_with_errors(filled, truth, 1)
    assert "no round that uses it can be compared" in choose_round_features(filled)[1]
    probe = add_round_with_errors(filled, truth, 10)
    assert choose_round_features(filled)[0] == network
    with filled.database.write() as session:
        session.execute(update(Project).values(split_seed=7))
    for number in (network, probe):
        folder = filled.round_folder(number) / "snapshot"
        folder.mkdir()
        (folder / "manifest.json").write_text('{"splits": {"seed": 0}}')
    assert f"rounds {network} and {probe} cannot be compared" in choose_round_features(filled)[1]
    file = filled.round_folder(network) / "run" / "predictions" / "predictions.arrow"
    file.write_bytes(b"torn")
    assert choose_round_features(filled)[0] is None
    shutil.rmtree(network_folder(filled, network))
    assert f"the model of round {network} is gone" in choose_round_features(filled)[1]


def test_the_worker_runs_on_the_features_of_the_network_and_without_them_when_it_is_damaged(
    filled: ProjectFolder,
):
    truth = answer_audit_set(filled, 20)
    add_round_with_errors(filled, truth, 10)
    network = add_network_with_errors(filled, truth, 1)
    names = [name for name in names_of(filled) if name not in truth]
    for name in names[:4]:
        save_correction(filled, Person(filled), image_of(filled, name), ALL, f"train {name}")
    register_small()
    model = network_folder(filled, network)
    save_model(
        model, build_model(CONFIG, {"glasses": 3}, pretrained=False), {"glasses": [0, 1, 2]}, CONFIG, {}
    )
    used, row = round_of_the_worker(filled)
    assert (row.state, row.error, row.features) == ("done", None, network)
    assert (used["backbone"], used["network_sha256"]) == ("small", weights_sha256(model))
    (model / "model.safetensors").write_bytes(b"torn")
    used, row = round_of_the_worker(filled)
    assert (row.state, row.features, used["backbone"]) == ("done", None, "faces")
    assert f"the network of round {network} cannot be used: " in row.features_reason
    assert "model.safetensors" in row.features_reason
    bad = add_round_with_errors(filled, truth, 15)
    name = try_network_with_errors(filled, truth, 0, bad)
    used, row = round_of_the_worker(filled)
    assert (row.state, row.network, used["backbone"]) == ("done", name, f"faces + {name}")
    (network_folder_of(filled, name) / "network.safetensors").write_bytes(b"torn")
    used, row = round_of_the_worker(filled)
    assert (row.state, row.network, used["backbone"]) == ("done", None, "faces")
    assert f"the network {name} cannot be used: " in row.features_reason


def test_an_added_network_that_is_shown_to_be_better_gives_its_features_too(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    probe = add_round_with_errors(filled, truth, 10)
    folder = network_folder_of(filled, TRIED)
    name = try_network_with_errors(filled, truth, 1, probe)
    chosen, reason = choose_round_features(filled)
    assert chosen == name
    assert reason.startswith(
        f"Uses the features of the network {name} too: on 20 audit images a probe with the network {name} is 45.0 points "
    )
    assert reason.endswith("balanced accuracy, mean of 1 attribute) than without.")
    add_network_with_errors(filled, truth, 0)
    assert isinstance(choose_round_features(filled)[0], int), "the greater advantage counts"
    with filled.database.write() as session:
        return_to_frozen(session)
    assert choose_round_features(filled) == (
        None,
        "Uses the frozen network, because somebody returned to it.",
    )
    later = add_round_with_errors(filled, truth, 3)
    try_network_with_errors(filled, truth, 2, later)
    chosen, reason = choose_round_features(filled)
    assert chosen is None
    assert reason.endswith("than without, which does not show an advantage.")
    (folder / "manifest.json").write_text("torn")
    assert choose_round_features(filled) == (
        None,
        "Uses the frozen network, because somebody returned to it.",
    )


def test_a_network_is_tried_before_it_is_used(filled: ProjectFolder):
    truth = answer_audit_set(filled, 20)
    probe = add_round_with_errors(filled, truth, 10)
    name = try_network_with_errors(filled, truth, 1, probe)
    shutil.rmtree(filled.round_folder(probe) / "run" / "trials")
    assert choose_round_features(filled) == (
        None,
        "Uses the frozen network, because the added networks have not been compared with it yet.",
    )
    analysis = NetworkTrials(filled)
    snapshot = filled.round_folder(probe) / "snapshot"
    analysis.start_if_due()
    assert analysis.process is None, "the round has no snapshot"
    RoundSnapshots(filled).write(snapshot)
    analysis = NetworkTrials(filled)
    analysis.start_if_due()
    wait_until(lambda: not analysis.running, "the trials end")
    trials = json.loads((filled.round_folder(probe) / "run" / "trials" / "trials.json").read_text())
    assert list(trials) == [name]
    assert trials[name]["error"] is not None, "no train image is labelled"
    again = NetworkTrials(filled)
    again.start_if_due()
    assert again.process is None, "it was tried already"
    assert f"the network {name} cannot be compared with it" in choose_round_features(filled)[1]


def round_of_the_worker(project: ProjectFolder) -> tuple[dict[str, str], Round]:
    """Run a round of the engine probe; returns what its predictions say of the model, and its row."""
    with project.database.write() as session:
        number = start_round(session, "probe", "margin").id
    assert run_next_round(project, Settings(), RoundSnapshots(project))
    file = PredictionsFile(project.round_folder(number) / "run" / "predictions")
    with project.database.read() as session:
        return file.manifest["model"], session.get_one(Round, number)


def accuracy(wrong: int, images: int = 60) -> Measured:
    labels = np.arange(images) % 2
    answers = np.where(np.arange(images) < wrong, 1 - labels, labels)
    return measure(answers, labels, 2, np.arange(images), images)


def test_the_interval_of_the_macro_average_is_narrower_than_that_of_one_attribute():
    one = advantage({"a": accuracy(4)}, {"a": accuracy(10)})
    unpaired = advantage({"a": accuracy(4), "b": accuracy(0)}, {"a": accuracy(10)})
    assert one == unpaired, "an attribute that only one of them answers does not count"
    assert one.value == pytest.approx(0.1)
    assert one.low > 0
    assert one.shown
    assert advantage({"a": accuracy(0, 2)}, {"a": accuracy(1, 2)}) is None
    two = advantage({"a": accuracy(4), "b": accuracy(10)}, {"a": accuracy(10), "b": accuracy(10)})
    assert two.value == pytest.approx(0.05)
    assert two.attributes == 2


def test_the_folder_of_a_network_is_that_of_its_round(filled: ProjectFolder):
    assert network_folder(filled, 12) == Path(filled.rounds / "0012" / "run" / "model")
