"""Fine-tuning that starts from a probe."""

import numpy as np
import torch

from tests.support.small_run import FROM_PROBE, draw_snapshot
from trainer.evaluation.calibration import balanced_logits, class_prior
from trainer.finetune.run import build_trainer, fit
from trainer.finetune.saved_model import load_model
from trainer.probe.linear_heads import fit_basis, fit_heads


def test_the_initial_model_gives_the_answers_of_a_probe(tmp_path):
    snapshot = draw_snapshot(tmp_path / "snapshot")
    trainer = build_trainer(snapshot, FROM_PROBE, tmp_path / "run")
    model, train = trainer.averaged, trainer.train
    with torch.inference_mode():
        images = model.prepare(train.batch(list(range(len(train)))).images)
        features, answers = model.backbone(images), model(images)
    order = np.random.default_rng(FROM_PROBE.seed).permutation(len(train))
    basis = fit_basis(features[order])
    labels = {name: train.labels[name][order] for name in model.outputs}
    groups = snapshot.groups[train.indices][order]
    heads = fit_heads(basis.project(features[order]), labels, groups, model.outputs, FROM_PROBE.seed)
    for name, head in heads.items():
        expected = (basis.project(features) @ head.weight + head.bias) / head.temperature
        torch.testing.assert_close(answers[name], expected, atol=1e-3, rtol=1e-3)
    right = answers["colour"].argmax(dim=1).numpy() == train.labels["colour"]
    assert right[train.labels["colour"] >= 0].mean() > 0.6  # of a network of random weights


def test_a_run_from_a_probe_is_saved_and_its_logits_are_class_balanced(tmp_path):
    config = FROM_PROBE.model_copy(update={"epochs": 1})
    result = fit(draw_snapshot(tmp_path / "snapshot"), tmp_path / "run", config, progress=lambda *_: None)
    saved = load_model(result.model)
    assert saved.config.head == "probe"
    logits = np.array([[0.3, -0.2]])
    assert (balanced_logits(logits, class_prior(np.array([0, 0, 1]), 2), saved.config) == logits).all()


def test_the_saved_weights_lie_between_the_initial_and_the_learned_ones(tmp_path):
    snapshot = draw_snapshot(tmp_path / "snapshot")
    start = build_trainer(snapshot, FROM_PROBE, tmp_path / "start").model.state_dict()
    kept = {}
    for share in (0.0, 0.25):
        config = FROM_PROBE.model_copy(update={"epochs": 1, "start_share": share})
        model = load_model(fit(snapshot, tmp_path / str(share), config, progress=lambda *_: None).model)
        kept[share] = dict(model.network.named_parameters())
    for name, learned in kept[0.0].items():
        between = 0.75 * learned + 0.25 * start[name]
        torch.testing.assert_close(kept[0.25][name], between, msg=name)
    assert any(not torch.equal(start[name], learned) for name, learned in kept[0.0].items())
