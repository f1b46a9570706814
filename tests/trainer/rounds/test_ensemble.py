"""An ensemble of a probe and a fine-tuned network, and its model folder."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.small_run import CONFIG, register_small
from trainer.data.snapshot import Snapshot
from trainer.evaluation.metrics import evaluate
from trainer.evaluation.outputs import Answers
from trainer.finetune.run import fit
from trainer.rounds.engines import ask
from trainer.rounds.ensemble import combined, mean_logits, save_ensemble
from trainer.rounds.round import run_round
from trainer.runtime.errors import ModelError


def test_the_mean_logits_exclude_the_members_priors():
    prior = np.array([0.9, 0.1])
    sure = Answers({"a": np.float32([[0.9, 0.1]])}, {"a": prior}, {"a": 10}, {})
    other = Answers({"a": np.float32([[0.1, 0.9]])}, {"a": prior}, {"a": 10}, {})
    alone = mean_logits({"probe": sure, "network": Answers({}, {}, {}, {})})["a"]
    np.testing.assert_allclose(
        alone, [[0, 0]], atol=1e-6
    )  # the answer equals the prior: the logits say nothing
    both = mean_logits({"probe": sure, "network": other})["a"]
    np.testing.assert_allclose(both[0, 1] - both[0, 0], np.log(81) / 2, rtol=1e-5)


@pytest.fixture(scope="module")
def model(faces, cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensemble")
    snapshot = Snapshot.open(faces)
    register_small()
    network = fit(snapshot, folder / "network", CONFIG, progress=lambda *_: None).model
    probe = run_round(faces, folder / "probe", cache=cache).model
    models = {"network": network, "probe": probe}
    members = {name: ask(member, snapshot, cache, lambda _: None) for name, member in models.items()}
    save_ensemble(folder / "model", snapshot, members, models)
    return folder / "model"


def test_an_ensemble_answers_all_attributes_of_its_members(model, faces, cache):
    snapshot = Snapshot.open(faces)
    answers = ask(model, snapshot, cache, lambda _: None)
    assert answers.model["engine"] == "ensemble"
    assert set(answers.probabilities) == {"glasses", "hair", "not_human"}
    np.testing.assert_allclose(answers.probabilities["hair"].sum(axis=1), 1, rtol=1e-5)
    metrics = evaluate(snapshot, answers.probabilities, answers.expected_priors)
    assert metrics["glasses"]["val"]["balanced_accuracy"] > 0.8


def test_the_answer_to_an_image_does_not_depend_on_other_images(model, faces, cache):
    snapshot = Snapshot.open(faces)
    members = {n: ask(model / n, snapshot, cache, lambda _: None) for n in ("probe", "network")}
    few = {
        name: replace(answers, probabilities={a: p[:5] for a, p in answers.probabilities.items()})
        for name, answers in members.items()
    }
    of_all, of_few = (combined(model, some, {}).probabilities["glasses"] for some in (members, few))
    np.testing.assert_array_equal(of_few, of_all[:5])


def test_a_changed_member_is_refused(model, faces, cache):
    file = model / "probe/model.json"
    content = file.read_bytes()
    file.write_bytes(content.replace(b"probe", b"prose"))
    with pytest.raises(ModelError, match="was changed"):
        ask(model, Snapshot.open(faces), cache, lambda _: None)
    file.write_bytes(content)


def test_an_ensemble_round_trains_both_members_and_resumes(faces, cache, tmp_path, soak):
    if not soak:
        pytest.skip("minutes: make soak")
    first = run_round(faces, tmp_path / "round", engine="ensemble", cache=cache)
    (first.predictions / "manifest.json").unlink()
    again = run_round(faces, tmp_path / "round", engine="ensemble", cache=cache)
    assert again.metrics == first.metrics
